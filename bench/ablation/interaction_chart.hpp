// One line for each value of an axis over the values of another, with intervals, as inline SVG. Colours come from
// report.css.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

struct InteractionLine {
    std::string name;
    std::vector<Metric> values;  // one per place
};

struct InteractionChart {
    std::string title;
    std::string description;  // for readers who cannot see it
    std::string x_label;
    std::vector<std::string> places;  // along x, evenly spaced
    std::vector<InteractionLine> lines;
    std::optional<double> reference;
    std::string reference_label;
};

// Points of one place stand beside each other so that their intervals can be told apart.
std::string interaction_chart(const InteractionChart& chart);

}  // namespace braggbench::report
