#include "bench/report/svg_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/report/plot_area.hpp"

namespace braggbench::report {

namespace {

constexpr PlotArea area{480.0, 290.0, 50.0, 396.0, 34.0, 246.0};
constexpr double label_gap = 16.0;

bool drawable(const std::optional<double>& value) { return value && std::isfinite(*value); }

// A tick's own precision: no more decimals than needed.
std::string tick_label(double value, NumberStyle style) {
    const double shown = style == NumberStyle::percent ? 100.0 * value : value;
    return fmt::format("{:g}{}", std::round(shown * 1e6) / 1e6, style == NumberStyle::percent ? "\u202f%" : "");
}

double round_step(double raw) {
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= raw * (1.0 - 1e-9)) return factor * power;
    }
    return 10.0 * power;
}

struct EndLabel {
    std::string name;
    std::string style;
    double y;
};

// Moves labels apart so that none overlap, in order of height.
void spread(std::vector<EndLabel>& labels) {
    std::stable_sort(labels.begin(), labels.end(), [](const EndLabel& a, const EndLabel& b) { return a.y < b.y; });
    for (std::size_t pass = 0; pass < 2 * labels.size(); ++pass) {
        for (std::size_t i = 1; i < labels.size(); ++i) {
            const double overlap = labels[i - 1].y + label_gap - labels[i].y;
            if (overlap <= 0.0) continue;
            labels[i - 1].y -= overlap / 2.0;
            labels[i].y += overlap / 2.0;
        }
    }
}

std::string band(const LineChart& chart, const Curve& curve, const std::vector<double>& x) {
    std::string upper;
    std::string lower;
    for (std::size_t i = 0; i < curve.intervals.size() && i < x.size(); ++i) {
        if (!curve.intervals[i]) continue;
        upper += fmt::format("{:.1f},{:.1f} ", x[i], area.y(chart.y, (*curve.intervals[i])[1]));
        lower = fmt::format("{:.1f},{:.1f} ", x[i], area.y(chart.y, (*curve.intervals[i])[0])) + lower;
    }
    if (upper.empty()) return "";
    return fmt::format("<polygon class=\"band {}\" points=\"{}{}\"/>", curve.style, upper, lower);
}

std::string points_and_line(const LineChart& chart, const Curve& curve, const std::vector<double>& x) {
    std::string path;
    std::string dots;
    bool pen_down = false;
    for (std::size_t i = 0; i < curve.values.size() && i < x.size(); ++i) {
        if (!drawable(curve.values[i])) {
            pen_down = false;
            continue;
        }
        const double y = area.y(chart.y, *curve.values[i]);
        path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", x[i], y);
        pen_down = true;
        dots += fmt::format(
            "<circle class=\"dot {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{}, {} {:g}: {}</title></circle>",
            curve.style, x[i], y, escape(curve.name), escape(chart.x_label), chart.x[i],
            format(curve.values[i], chart.y_style));
    }
    if (path.empty()) return "";
    return fmt::format("<path class=\"curve {}\" d=\"{}\"/>{}", curve.style, path, dots);
}

std::string y_grid(const LineChart& chart) {
    std::string svg;
    for (const double tick : chart.y.ticks) {
        svg += area.y_tick(area.y(chart.y, tick), tick_label(tick, chart.y_style));
    }
    return svg;
}

std::string x_ticks(const LineChart& chart, const std::vector<double>& x) {
    std::string svg;
    const std::size_t every = (chart.x.size() + 11) / 12;
    for (std::size_t i = 0; i < chart.x.size(); i += std::max<std::size_t>(every, 1)) {
        svg += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>", x[i],
                           area.bottom + 18, chart.x[i]);
    }
    return svg + area.x_label(chart.x_label, 36);
}

double percent(const Axis& axis, double value) { return 2.0 + 96.0 * axis.fraction(value); }

std::string vertical(std::string_view style, double x_percent, std::string_view from, std::string_view to) {
    return fmt::format("<line class=\"{0}\" x1=\"{1:.2f}%\" x2=\"{1:.2f}%\" y1=\"{2}\" y2=\"{3}\"/>", style, x_percent,
                       from, to);
}

// Drawn in per cent of the cell that holds it, so that it follows the page's width and joins the rows above and below.
std::string dot_track(const DotChart& chart, const DotRow& row) {
    std::string svg;
    for (const double tick : chart.axis.ticks) svg += vertical("grid", percent(chart.axis, tick), "0", "100%");
    if (chart.reference) svg += vertical("reference", percent(chart.axis, *chart.reference), "0", "100%");
    if (row.metric.ci95) {
        svg += fmt::format("<line class=\"ci {}\" x1=\"{:.2f}%\" x2=\"{:.2f}%\" y1=\"50%\" y2=\"50%\"/>", row.style,
                           percent(chart.axis, (*row.metric.ci95)[0]), percent(chart.axis, (*row.metric.ci95)[1]));
    }
    if (drawable(row.ceiling)) svg += vertical("ceiling", percent(chart.axis, *row.ceiling), "22%", "78%");
    if (drawable(row.metric.value)) {
        const bool outside = *row.metric.value < chart.axis.low || *row.metric.value > chart.axis.high;
        svg += fmt::format("<circle class=\"dot {}{}\" cx=\"{:.2f}%\" cy=\"50%\" r=\"5\"/>", row.style,
                           outside ? " outside" : "", percent(chart.axis, *row.metric.value));
    }
    return fmt::format("<svg aria-hidden=\"true\">{}</svg>", svg);
}

std::string dot_row(const DotChart& chart, const DotRow& row) {
    const std::string note = row.note.empty() ? "" : fmt::format("<span class=\"sub\">{}</span>", escape(row.note));
    const std::string ceiling = drawable(row.ceiling) ? format(row.ceiling, chart.style) : "";
    return fmt::format(
        "<tr class=\"{}\"><th scope=\"row\">{}{}</th><td class=\"track\">{}</td><td class=\"num\"><span "
        "class=\"value\">{}</span><span class=\"sub\">{}</span><span class=\"sub\">{}</span></td></tr>\n",
        row.style, escape(row.label), note, dot_track(chart, row), format(row.metric.value, chart.style),
        format_interval(row.metric.ci95, chart.style), ceiling);
}

std::string dot_axis(const DotChart& chart) {
    std::string svg;
    for (const double tick : chart.axis.ticks) {
        svg += fmt::format("<text class=\"tick\" x=\"{:.2f}%\" y=\"16\" text-anchor=\"middle\">{}</text>",
                           percent(chart.axis, tick), tick_label(tick, chart.style));
    }
    return fmt::format("<tr aria-hidden=\"true\"><td></td><td class=\"track\"><svg>{}</svg></td><td></td></tr>", svg);
}

std::string key(std::string_view style, std::string_view label) {
    return fmt::format(
        "<span class=\"key {0}\"><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><line class=\"{0}\" x1=\"7\" "
        "x2=\"7\" y1=\"0\" y2=\"14\"/></svg>{1}</span> ",
        style, escape(label));
}

}  // namespace

double Axis::fraction(double value) const {
    const double held = std::clamp(value, low, high);
    if (scale == Scale::logarithmic) return std::log(held / low) / std::log(high / low);
    return (held - low) / (high - low);
}

Axis linear_axis(double low, double high) {
    if (!(high > low)) high = low + 1.0;
    const double step = round_step((high - low) / 5.0);
    Axis axis;
    axis.low = std::floor(low / step + 1e-9) * step;
    axis.high = std::ceil(high / step - 1e-9) * step;
    for (int i = 0; axis.low + i * step <= axis.high + 0.5 * step; ++i) axis.ticks.push_back(axis.low + i * step);
    return axis;
}

Axis logarithmic_axis(double low, double high) {
    Axis axis;
    axis.scale = Scale::logarithmic;
    axis.low = low * 0.9;
    axis.high = std::max(high * 1.1, axis.low * 2.0);
    const bool wide = axis.high / axis.low > 1000.0;
    const int first = static_cast<int>(std::floor(std::log10(axis.low)));
    const int last = static_cast<int>(std::ceil(std::log10(axis.high)));
    for (int exponent = first; exponent <= last; ++exponent) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double tick = factor * std::pow(10.0, exponent);
            if ((factor == 1.0 || !wide) && tick >= axis.low && tick <= axis.high) axis.ticks.push_back(tick);
        }
    }
    return axis;
}

std::string line_chart(const LineChart& chart) {
    std::vector<double> x;
    const double span = chart.x.empty() ? 0.0 : chart.x.back() - chart.x.front();
    for (const double value : chart.x) {
        const double share = span > 0.0 ? (value - chart.x.front()) / span : 0.5;
        x.push_back(area.left + 10 + share * (area.right - area.left - 20));
    }
    std::string svg = y_grid(chart) + x_ticks(chart, x);
    if (chart.marked_x && !chart.x.empty()) {
        const double share = span > 0.0 ? (*chart.marked_x - chart.x.front()) / span : 0.5;
        const double place = area.left + 10 + share * (area.right - area.left - 20);
        svg += fmt::format(
            "<line class=\"marked\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text class=\"tick\" "
            "x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>",
            place, area.top, area.bottom, area.top - 5, escape(chart.marked_label));
    }
    std::vector<EndLabel> labels;
    if (chart.reference) {
        const double y = area.y(chart.y, *chart.reference);
        svg += area.across("reference", y);
        labels.push_back({chart.reference_label, "reference-label", y});
    }
    for (const Curve& curve : chart.curves) svg += band(chart, curve, x);
    for (const Curve& curve : chart.curves) {
        svg += points_and_line(chart, curve, x);
        const auto last = std::find_if(curve.values.rbegin(), curve.values.rend(), drawable);
        if (last != curve.values.rend()) labels.push_back({curve.name, curve.style, area.y(chart.y, **last)});
    }
    spread(labels);
    for (const EndLabel& label : labels) {
        svg += fmt::format("<text class=\"label {}\" x=\"{}\" y=\"{:.1f}\">{}</text>", label.style, area.right + 6,
                           label.y + 4, escape(label.name));
    }
    return figure(chart.title, chart.description, area.width, area.height, svg);
}

std::string dot_chart(const DotChart& chart) {
    std::string rows;
    std::string group;
    bool has_ceiling = false;
    for (const DotRow& row : chart.rows) {
        if (!row.group.empty() && row.group != group) {
            rows += fmt::format("<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"3\">{}</th></tr>\n",
                                escape(row.group));
            group = row.group;
        }
        rows += dot_row(chart, row);
        has_ceiling = has_ceiling || drawable(row.ceiling);
    }
    std::string legend = chart.reference ? key("reference", chart.reference_label) : std::string();
    if (has_ceiling) legend += key("ceiling", "ceiling");
    return fmt::format(
        "<table class=\"dots{}\"><caption>{}</caption>\n"
        "<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\" class=\"num\"><span "
        "class=\"value\">{}</span><span class=\"sub\">95\u202f% interval</span><span "
        "class=\"sub\">{}</span></th></tr></thead>\n<tbody>{}</tbody>\n<tfoot>{}</tfoot></table>\n",
        has_ceiling ? " with-ceiling" : "", escape(chart.caption), escape(chart.label_header), legend,
        escape(chart.value_header), has_ceiling ? "ceiling" : "", rows, dot_axis(chart));
}

}  // namespace braggbench::report
