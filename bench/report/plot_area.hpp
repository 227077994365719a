// The frame that line charts share: where the drawing lies in the viewBox, grid lines with their numbers, and the
// figure around it all.
#pragma once

#include <string>
#include <string_view>

#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

// In the units of the viewBox.
struct PlotArea {
    double width = 0.0;
    double height = 0.0;
    double left = 0.0;
    double right = 0.0;
    double top = 0.0;
    double bottom = 0.0;

    [[nodiscard]] double x(const Axis& axis, double value) const {
        return left + axis.fraction(value) * (right - left);
    }
    [[nodiscard]] double y(const Axis& axis, double value) const {
        return bottom - axis.fraction(value) * (bottom - top);
    }
    // A line across at y, with its number (SVG, already escaped) beside it.
    [[nodiscard]] std::string across(std::string_view style, double y) const;
    [[nodiscard]] std::string y_tick(double y, std::string_view words) const;
    // The name of the x axis, so far below it.
    [[nodiscard]] std::string x_label(std::string_view label, double below) const;
};

// The drawing with its title above and its description for those who cannot see it.
std::string figure(std::string_view title, std::string_view description, double width, double height,
                   std::string_view svg);

}  // namespace braggbench::report
