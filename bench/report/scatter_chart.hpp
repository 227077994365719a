// Points of a plane coloured by group, as an SVG file that stands alone: no axes, as the axes of such pictures mean
// nothing.
#pragma once

#include <string>
#include <vector>

namespace braggbench::report {

struct ScatterPoint {
    double x = 0.0;
    double y = 0.0;
    std::size_t group = 0;
    std::string title;  // shown under the pointer
};

struct ScatterChart {
    std::string title;
    std::string subtitle;
    std::vector<std::string> groups;  // in the legend with their number of points; those without points are left out
    std::vector<ScatterPoint> points;
};

// One scale for both axes. Groups differ in colour (Okabe & Ito's, which the colour-blind tell apart; Wong 2011, Nat.
// Methods 8, 441) and in shape. Points are drawn in the order given.
std::string scatter_svg(const ScatterChart& chart);

}  // namespace braggbench::report
