// Several curves, or measured points with intervals, over one axis as inline SVG, told apart by colour and by their
// names beside the chart. Colours come from report.css.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

struct NamedCurve {
    std::string name;
    std::vector<std::pair<double, double>> points;  // those that are not finite, or not positive on a logarithmic
                                                    // axis, interrupt it
    bool measured = false;                          // dots with intervals rather than a line
    std::vector<std::optional<std::array<double, 2>>> intervals = {};  // of y, empty or one per point
};

struct CurveChart {
    std::string title;
    std::string description;  // for readers who cannot see it
    std::string x_label;
    std::string y_label;
    Scale x_scale = Scale::linear;
    Scale y_scale = Scale::linear;
    bool resolution = false;  // x is s in 1/A; d is written below it
    std::vector<NamedCurve> curves;
    std::optional<Axis> y_axis = std::nullopt;  // default: around the points
    std::optional<double> reference = std::nullopt;
    std::string reference_label = {};
};

// Axes span the points. Says so if there are none.
std::string curve_chart(const CurveChart& chart);

}  // namespace braggbench::report
