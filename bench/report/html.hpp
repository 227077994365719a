// Text, numbers and pictures as HTML. Everything that comes from outside goes through escape().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "classifiers/metric.hpp"

namespace braggbench::report {

std::string escape(std::string_view text);

// "data:image/png;base64,..."
std::string png_data_uri(std::span<const std::uint8_t> png);
bool is_png(std::span<const std::uint8_t> bytes);

enum class NumberStyle { plain, percent };

// Three figures for plain numbers, one decimal for per cent; "n/a" for what is absent or not finite.
std::string format(std::optional<double> value, NumberStyle style = NumberStyle::plain);
// "1.20 to 1.31"; empty without an interval.
std::string format_interval(const std::optional<std::array<double, 2>>& interval, NumberStyle style);
// A setting rather than a measurement: up to four figures, no trailing zeros, 29 800 for 29800.
std::string format_setting(double value);
std::string format_setting(std::optional<double> value);
// 1.2 x 10^12 with a true superscript.
std::string format_scientific(double value);
// 12 345, grouped by narrow no-break spaces.
std::string format_count(std::int64_t value);

// "96.5 % (95 % interval 93.0 to 98.3 %)"
std::string with_interval(const Metric& metric, NumberStyle style);

// A <td> with the value and, below it and smaller, its interval and its chance level (if `chance` is to be shown).
std::string metric_cell(const Metric& metric, NumberStyle style, bool show_chance);

}  // namespace braggbench::report
