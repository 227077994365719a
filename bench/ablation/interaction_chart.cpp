#include "bench/ablation/interaction_chart.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/report/plot_area.hpp"

namespace braggbench::report {
namespace {

constexpr PlotArea area{600.0, 290.0, 50.0, 400.0, 20.0, 236.0};
constexpr std::size_t colours = 8;
constexpr double key_step = 19.0;

Axis y_axis(const InteractionChart& chart) {
    double low = chart.reference.value_or(1e30);
    double high = chart.reference.value_or(-1e30);
    for (const auto& line : chart.lines) {
        for (const auto& metric : line.values) {
            if (!metric.value) continue;
            low = std::min({low, *metric.value, metric.ci95 ? (*metric.ci95)[0] : *metric.value});
            high = std::max({high, *metric.value, metric.ci95 ? (*metric.ci95)[1] : *metric.value});
        }
    }
    return low <= high ? linear_axis(low, high) : linear_axis(0.0, 1.0);
}

}  // namespace

std::string interaction_chart(const InteractionChart& chart) {
    const Axis y = y_axis(chart);
    const auto places = static_cast<double>(chart.places.size());
    const double step = (area.right - area.left) / places;
    std::string svg;
    for (const double tick : y.ticks) svg += area.y_tick(area.y(y, tick), fmt::format("{:.3g}", tick));
    for (std::size_t i = 0; i < chart.places.size(); ++i) {
        svg +=
            fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                        area.left + step * (static_cast<double>(i) + 0.5), area.bottom + 18, escape(chart.places[i]));
    }
    svg += area.x_label(chart.x_label, 38);
    double key_y = area.top + 8;
    const auto key = [&](const std::string& mark, const std::string& name) {
        svg += mark + fmt::format("<text x=\"{}\" y=\"{:.1f}\">{}</text>", area.right + 38, key_y, escape(name));
        key_y += key_step;
    };
    const auto line_mark = [&](const std::string& style) {
        return fmt::format("<line class=\"{0}\" x1=\"{1}\" x2=\"{2}\" y1=\"{3:.1f}\" y2=\"{3:.1f}\"/>", style,
                           area.right + 12, area.right + 32, key_y - 4);
    };
    if (chart.reference) svg += area.across("reference", area.y(y, *chart.reference));
    for (std::size_t l = 0; l < chart.lines.size(); ++l) {
        const auto& line = chart.lines[l];
        const std::string style = fmt::format("k{}{}", l % colours, l < colours ? "" : " further");
        const double beside = (static_cast<double>(l) + 0.5) / static_cast<double>(chart.lines.size()) - 0.5;
        std::string path;
        std::string marks;
        for (std::size_t i = 0; i < line.values.size(); ++i) {
            const auto& metric = line.values[i];
            if (!metric.value) continue;
            const double x = area.left + step * (static_cast<double>(i) + 0.5 + 0.5 * beside);
            path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, area.y(y, *metric.value));
            if (metric.ci95) {
                marks +=
                    fmt::format("<line class=\"bar {0}\" x1=\"{1:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{3:.1f}\"/>",
                                style, x, area.y(y, (*metric.ci95)[0]), area.y(y, (*metric.ci95)[1]));
            }
            marks += fmt::format(
                "<circle class=\"point {}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"><title>{}, {}: {}</title></circle>",
                style, x, area.y(y, *metric.value), escape(line.name), escape(chart.places[i]), format(metric.value));
        }
        if (chart.places.size() > 1 && !path.empty()) {
            svg += fmt::format("<path class=\"curve {}\" d=\"{}\"/>", style, path);
        }
        svg += marks;
        key(line_mark("curve " + style), line.name);
    }
    if (chart.reference) key(line_mark("reference"), chart.reference_label);
    return figure(chart.title, chart.description, area.width, std::max(area.height, key_y), svg);
}

}  // namespace braggbench::report
