#include "bench/report/scatter_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "bench/report/html.hpp"

namespace braggbench::report {
namespace {

constexpr double side = 720.0;  // of the square that holds the points
constexpr double margin = 24.0;
constexpr double top = 76.0;
constexpr double legend_width = 200.0;
constexpr double line_height = 24.0;

// Okabe & Ito without black and with a darker yellow, which is legible on white.
constexpr std::array<std::string_view, 7> colours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                     "#56b4e9", "#d55e00", "#b8a800"};
// About the origin, all of the same area but for the eye.
constexpr std::array<std::string_view, 4> shapes = {
    "<circle id=\"{}\" r=\"3.2\"/>", "<path id=\"{}\" d=\"M0-4 3.7 2.6H-3.7Z\"/>",
    "<path id=\"{}\" d=\"M-2.9-2.9H2.9V2.9H-2.9Z\"/>", "<path id=\"{}\" d=\"M0-4.2 3.6 0 0 4.2-3.6 0Z\"/>"};

// Every shape meets every colour before the two repeat, as 4 and 7 have no common divisor.
std::string use(std::size_t group, double x, double y, const std::string& title) {
    return fmt::format("<use href=\"#s{}\" class=\"c{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</use>\n", group % shapes.size(),
                       group % colours.size(), x, y,
                       title.empty() ? "" : fmt::format("<title>{}</title>", escape(title)));
}

}  // namespace

std::string scatter_svg(const ScatterChart& chart) {
    double low_x = 0.0;
    double high_x = 0.0;
    double low_y = 0.0;
    double high_y = 0.0;
    std::vector<std::size_t> counts(chart.groups.size());
    for (const auto& point : chart.points) {
        const bool first = &point == &chart.points.front();
        low_x = first ? point.x : std::min(low_x, point.x);
        high_x = first ? point.x : std::max(high_x, point.x);
        low_y = first ? point.y : std::min(low_y, point.y);
        high_y = first ? point.y : std::max(high_y, point.y);
        ++counts[point.group];
    }
    const double span = std::max({high_x - low_x, high_y - low_y, 1e-12});
    const double scale = side / span;
    std::string points;
    for (const auto& point : chart.points) {
        points += use(point.group, margin + side / 2.0 + scale * (point.x - 0.5 * (low_x + high_x)),
                      top + side / 2.0 - scale * (point.y - 0.5 * (low_y + high_y)), point.title);
    }
    std::string legend;
    double y = top + 8.0;
    const double x = 2.0 * margin + side;
    for (std::size_t g = 0; g < chart.groups.size(); ++g) {
        if (counts[g] == 0) continue;
        legend += use(g, x, y, "");
        legend += fmt::format("<text x=\"{}\" y=\"{}\">{} <tspan class=\"quiet\">{}</tspan></text>\n", x + 14.0,
                              y + 5.0, escape(chart.groups[g]), format_count(static_cast<std::int64_t>(counts[g])));
        y += line_height;
    }
    std::string defs;
    for (std::size_t s = 0; s < shapes.size(); ++s) {
        defs += fmt::format(fmt::runtime(shapes[s]), fmt::format("s{}", s));
    }
    std::string style =
        "text{font:15px system-ui,\"Helvetica Neue\",\"Liberation Sans\",Arial,sans-serif;fill:#1b1f24}"
        ".quiet{fill:#59616b}.title{font-size:20px;font-weight:600}.points use{opacity:.75}";
    for (std::size_t c = 0; c < colours.size(); ++c) style += fmt::format(".c{}{{fill:{}}}", c, colours[c]);
    const double width = 2.0 * margin + side + legend_width;
    const double height = std::max(top + side, y) + margin;
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">\n"
        "<title>{2}</title>\n<style>{3}</style>\n<defs>{4}</defs>\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
        "<text class=\"title\" x=\"{5}\" y=\"34\">{2}</text>\n<text class=\"quiet\" x=\"{5}\" y=\"56\">{6}</text>\n"
        "<g class=\"points\">\n{7}</g>\n<g>\n{8}</g>\n</svg>\n",
        width, height, escape(chart.title), style, defs, margin, escape(chart.subtitle), points, legend);
}

}  // namespace braggbench::report
