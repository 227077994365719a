// Numbers of results (docs/results.md) as text of a terminal: absent ones are "n/a".
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

namespace braggbench {

inline std::string number_text(const nlohmann::json& value, int digits) {
    return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : "n/a";
}

// "0.973 [0.960, 0.982]"
inline std::string metric_text(const nlohmann::json& metric, int digits) {
    std::string text = number_text(metric.at("value"), digits);
    if (const auto& ci = metric.at("ci95"); ci.is_array()) {
        text += fmt::format(" [{}, {}]", number_text(ci[0], digits), number_text(ci[1], digits));
    }
    return text;
}

}  // namespace braggbench
