#include "bench/report/curve_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/report/plot_area.hpp"

namespace braggbench::report {

namespace {

constexpr PlotArea area{560.0, 320.0, 62.0, 420.0, 14.0, 252.0};
constexpr double key_step = 18.0;
constexpr std::size_t colours = 8;   // k0 to k7 of report.css; after them dashed
constexpr double log_decades = 8.0;  // that a logarithmic axis shows at most, below its highest point

bool shown(double value, Scale scale) { return std::isfinite(value) && (scale == Scale::linear || value > 0.0); }

struct Span {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    void add(double value) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
};

Axis axis_of(const Span& span, Scale scale) {
    if (scale == Scale::linear) return linear_axis(span.low, span.high);
    Axis axis = logarithmic_axis(std::max(span.low, span.high * std::pow(10.0, -log_decades)), span.high);
    if (axis.ticks.size() > 8) {
        std::erase_if(axis.ticks, [](double tick) {
            const double decade = std::log10(tick);
            return std::abs(decade - std::round(decade)) > 1e-6;
        });
    }
    return axis;
}

std::string tick_words(double value, Scale scale) {
    if (scale == Scale::logarithmic && (value >= 1e5 || value < 1e-3)) {
        const auto exponent = static_cast<int>(std::floor(std::log10(value) + 1e-9));
        const auto factor = std::lround(value / std::pow(10.0, exponent));
        return fmt::format("{}10<tspan dy=\"-5\" font-size=\"9\">{}</tspan>",
                           factor == 1 ? "" : fmt::format("{}\u00d7", factor), exponent);
    }
    return fmt::format("{:g}", std::round(value * 1e6) / 1e6);
}

std::string grid(const CurveChart& chart, const Axis& x, const Axis& y) {
    std::string svg;
    for (const double tick : y.ticks) svg += area.y_tick(area.y(y, tick), tick_words(tick, chart.y_scale));
    for (const double tick : x.ticks) {
        const double at = area.x(x, tick);
        svg += fmt::format(
            "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text class=\"tick\" "
            "x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>",
            at, area.top, area.bottom, area.bottom + 16, tick_words(tick, chart.x_scale));
        if (chart.resolution && tick > 0.0) {
            svg += fmt::format(
                "<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}\u00a0\u00c5</text>", at,
                area.bottom + 31, 1.0 / tick);
        }
    }
    svg += area.x_label(chart.x_label, chart.resolution ? 50 : 36);
    svg +=
        fmt::format("<text class=\"axis\" transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                    (area.top + area.bottom) / 2, escape(chart.y_label));
    return svg;
}

std::string path_of(const CurveChart& chart, const NamedCurve& curve, const Axis& x, const Axis& y) {
    std::string path;
    bool pen_down = false;
    for (const auto& [at, value] : curve.points) {
        if (!shown(at, chart.x_scale) || !shown(value, chart.y_scale) || at < x.low || at > x.high || value < y.low) {
            pen_down = false;
            continue;
        }
        path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", area.x(x, at), area.y(y, value));
        pen_down = true;
    }
    return path;
}

// Measured points: a dot each, its interval as a bar.
std::string dots_of(const CurveChart& chart, const NamedCurve& curve, const Axis& x, const Axis& y,
                    std::string_view style) {
    std::string svg;
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
        const auto& [at, value] = curve.points[i];
        if (!shown(at, chart.x_scale) || !shown(value, chart.y_scale)) continue;
        const double place = area.x(x, at);
        if (i < curve.intervals.size() && curve.intervals[i]) {
            svg += fmt::format("<line class=\"bar {0}\" x1=\"{1:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{3:.1f}\"/>",
                               style, place, area.y(y, (*curve.intervals[i])[0]), area.y(y, (*curve.intervals[i])[1]));
        }
        svg += fmt::format(
            "<circle class=\"point {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>{}, {:.3g}: "
            "{:.3g}</title></circle>",
            style, place, area.y(y, value), escape(curve.name), at, value);
    }
    return svg;
}

std::string key_line(std::string_view style, double y) {
    return fmt::format("<line class=\"{0}\" x1=\"{1}\" x2=\"{2}\" y1=\"{3:.1f}\" y2=\"{3:.1f}\"/>", style,
                       area.right + 12, area.right + 30, y - 4);
}

std::string key(const std::string& mark, std::string_view name, double y) {
    return mark + fmt::format("<text x=\"{}\" y=\"{:.1f}\">{}</text>", area.right + 36, y, escape(name));
}

}  // namespace

std::string curve_chart(const CurveChart& chart) {
    Span x_span;
    Span y_span;
    for (const NamedCurve& curve : chart.curves) {
        for (const auto& [at, value] : curve.points) {
            if (!shown(at, chart.x_scale) || !shown(value, chart.y_scale)) continue;
            x_span.add(at);
            y_span.add(value);
        }
    }
    if (!(x_span.low <= x_span.high)) {
        return fmt::format("<p class=\"absent\">{}: there is nothing to be drawn.</p>\n", escape(chart.title));
    }
    const Axis x = axis_of(x_span, chart.x_scale);
    const Axis y = chart.y_axis ? *chart.y_axis : axis_of(y_span, chart.y_scale);
    std::string svg = grid(chart, x, y);
    if (chart.reference) svg += area.across("reference", area.y(y, *chart.reference));
    double key_y = area.top + 10;
    std::size_t number = 0;
    for (const NamedCurve& curve : chart.curves) {
        const std::string style = fmt::format("k{}{}", number % colours, number < colours ? "" : " further");
        ++number;  // of curves without points as well, so that a class has one colour in all charts
        if (curve.measured) {
            svg += dots_of(chart, curve, x, y, style);
            svg += key(fmt::format("<circle class=\"point {}\" cx=\"{}\" cy=\"{:.1f}\" r=\"3.5\"/>", style,
                                   area.right + 21, key_y - 4),
                       curve.name, key_y);
        } else {
            const std::string path = path_of(chart, curve, x, y);
            if (path.empty()) continue;
            svg += fmt::format("<path class=\"curve {}\" d=\"{}\"/>", style, path);
            svg += key(key_line("curve " + style, key_y), curve.name, key_y);
        }
        key_y += key_step;
    }
    if (chart.reference) {
        svg += key(key_line("reference", key_y), chart.reference_label, key_y);
        key_y += key_step;
    }
    const double needed = std::max(area.height, key_y);
    return figure(chart.title, chart.description, area.width, needed, svg);
}

}  // namespace braggbench::report
