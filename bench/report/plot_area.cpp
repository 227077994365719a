#include "bench/report/plot_area.hpp"

#include <fmt/format.h>

#include "bench/report/html.hpp"

namespace braggbench::report {

std::string PlotArea::across(std::string_view style, double y) const {
    return fmt::format("<line class=\"{0}\" x1=\"{1}\" x2=\"{2}\" y1=\"{3:.1f}\" y2=\"{3:.1f}\"/>", style, left, right,
                       y);
}

std::string PlotArea::y_tick(double y, std::string_view words) const {
    return across("grid", y) + fmt::format("<text class=\"tick\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
                                           left - 7, y + 4, words);
}

std::string PlotArea::x_label(std::string_view label, double below) const {
    return fmt::format("<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", (left + right) / 2,
                       bottom + below, escape(label));
}

std::string figure(std::string_view title, std::string_view description, double width, double height,
                   std::string_view svg) {
    return fmt::format(
        "<figure class=\"chart\"><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\" "
        "aria-label=\"{}\">{}</svg></figure>\n",
        escape(title), width, height, escape(description), svg);
}

}  // namespace braggbench::report
