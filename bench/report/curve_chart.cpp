#include "bench/report/curve_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace braggbench::report {

namespace {

// In the units of the viewBox.
constexpr double width = 560.0;
constexpr double height = 320.0;
constexpr double left = 62.0;
constexpr double right = 420.0;
constexpr double top = 14.0;
constexpr double bottom = 252.0;
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
        return fmt::format("10<tspan dy=\"-5\" font-size=\"9\">{}</tspan>", std::lround(std::log10(value)));
    }
    return fmt::format("{:g}", std::round(value * 1e6) / 1e6);
}

double place_x(const Axis& axis, double value) { return left + axis.fraction(value) * (right - left); }
double place_y(const Axis& axis, double value) { return bottom - axis.fraction(value) * (bottom - top); }

std::string grid(const CurveChart& chart, const Axis& x, const Axis& y) {
    std::string svg;
    for (const double tick : y.ticks) {
        const double at = place_y(y, tick);
        svg += fmt::format(
            "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text class=\"tick\" x=\"{3}\" "
            "y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>",
            left, right, at, left - 6, at + 4, tick_words(tick, chart.y_scale));
    }
    for (const double tick : x.ticks) {
        const double at = place_x(x, tick);
        svg += fmt::format(
            "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text class=\"tick\" "
            "x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>",
            at, top, bottom, bottom + 16, tick_words(tick, chart.x_scale));
        if (chart.resolution && tick > 0.0) {
            svg += fmt::format(
                "<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}\u00a0\u00c5</text>", at,
                bottom + 31, 1.0 / tick);
        }
    }
    svg += fmt::format("<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", (left + right) / 2,
                       bottom + (chart.resolution ? 50 : 36), escape(chart.x_label));
    svg +=
        fmt::format("<text class=\"axis\" transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                    (top + bottom) / 2, escape(chart.y_label));
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
        path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", place_x(x, at), place_y(y, value));
        pen_down = true;
    }
    return path;
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
    const Axis y = axis_of(y_span, chart.y_scale);
    std::string svg = grid(chart, x, y);
    double key_y = top + 10;
    std::size_t number = 0;
    for (const NamedCurve& curve : chart.curves) {
        const std::string path = path_of(chart, curve, x, y);
        const std::string style = fmt::format("k{}{}", number % colours, number < colours ? "" : " further");
        ++number;  // of curves without points as well, so that a class has one colour in all charts
        if (path.empty()) continue;
        svg += fmt::format("<path class=\"curve {}\" d=\"{}\"/>", style, path);
        svg += fmt::format(
            "<line class=\"curve {0}\" x1=\"{1}\" x2=\"{2}\" y1=\"{3:.1f}\" y2=\"{3:.1f}\"/><text x=\"{4}\" "
            "y=\"{5:.1f}\">{6}</text>",
            style, right + 12, right + 30, key_y - 4, right + 36, key_y, escape(curve.name));
        key_y += key_step;
    }
    const double needed = std::max(height, key_y);
    return fmt::format(
        "<figure class=\"chart\"><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\" "
        "aria-label=\"{}\">{}</svg></figure>\n",
        escape(chart.title), width, needed, escape(chart.description), svg);
}

}  // namespace braggbench::report
