// Two kinds of chart as inline SVG: curves over epochs, and dots with intervals in a table. Colours come from
// report.css.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report/html.hpp"

namespace braggbench::report {

enum class Scale { linear, logarithmic };

struct Axis {
    double low = 0.0;
    double high = 1.0;
    Scale scale = Scale::linear;
    std::vector<double> ticks;

    // Place of a value along the axis, 0 to 1; values outside are held at the ends.
    [[nodiscard]] double fraction(double value) const;
};
// Ends and ticks at round numbers around [low, high].
Axis linear_axis(double low, double high);
// Ticks at 1, 2, 5 times powers of ten; low and high must be positive.
Axis logarithmic_axis(double low, double high);

struct Curve {
    std::string name;   // written at the curve's end
    std::string style;  // CSS class of report.css: "first", "second"
    std::vector<std::optional<double>> values;
    std::vector<std::optional<std::array<double, 2>>> intervals;  // empty, or one per value
};

struct LineChart {
    std::string title;
    std::string description;  // for readers who cannot see it
    std::vector<double> x;
    std::string x_label;
    std::vector<Curve> curves;
    Axis y;
    NumberStyle y_style = NumberStyle::plain;
    std::optional<double> marked_x;
    std::string marked_label;
    std::optional<double> reference;
    std::string reference_label;
};
std::string line_chart(const LineChart& chart);

struct DotRow {
    std::string label;
    std::string note;   // smaller, below the label
    std::string group;  // a heading before the first row of every group; empty = none
    std::string style;  // CSS class of report.css: "lead", "plain", "faint"
    Metric metric;
    std::optional<double> ceiling;
};

// A table whose middle column is drawn: a dot, its interval as a bar, a ceiling as a tick, the reference as a line.
struct DotChart {
    std::string caption;
    std::string label_header;
    std::string value_header;
    std::vector<DotRow> rows;
    Axis axis;
    NumberStyle style = NumberStyle::plain;
    std::optional<double> reference;
    std::string reference_label;
};
std::string dot_chart(const DotChart& chart);

}  // namespace braggbench::report
