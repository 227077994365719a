// The pictures of an evaluation (docs/results.md): reliability, ROC, and detection against strength, as inline SVG;
// each is empty where its numbers are absent.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace braggbench::report {

std::string reliability_chart(const nlohmann::json& calibration, const std::string& of_what);
std::string roc_chart(const nlohmann::json& hit);
std::string strength_charts(const nlohmann::json& curves);  // of a task, side by side

}  // namespace braggbench::report
