// How the result of a grid is put in words, the same on the page and in tables. Reads the JSON of docs/ablation.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace braggbench {

// "downsample:max:128" of "downsample:max:SIZE" where there is one input size; "all" of a training size of 0.
std::string value_words(const nlohmann::json& result, const std::string& axis, const std::string& value);

// "training size" of "training_size".
std::string axis_words(const std::string& axis);

// "AUC", "balanced accuracy", "R\u00b2"
std::string measure_words(const std::string& measure);

// Axes with two values or more but the seed, in the grid's order.
std::vector<std::string> compared_axes(const nlohmann::json& result);
const nlohmann::json& axis_values(const nlohmann::json& result, const std::string& axis);

// Questions with the measure that matters.
std::vector<nlohmann::json> primary_questions(const nlohmann::json& result);

// The settings that differ, seed apart, in words joined by commas.
std::string setting_words(const nlohmann::json& result, const nlohmann::json& settings);

// Means, differences to each axis' first value and their intervals as a table of a terminal, or as Markdown.
std::string ablation_table(const nlohmann::json& result);
std::string ablation_markdown(const nlohmann::json& result);

// What plan_grid() says.
std::string plan_table(const nlohmann::json& plan);

}  // namespace braggbench
