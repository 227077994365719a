// Reading the results of docs/results.md: absent and null are the same, and names become words.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench::report {

// A member of an object; a null value if there is none.
const nlohmann::json& member(const nlohmann::json& object, std::string_view key);
std::optional<double> number(const nlohmann::json& object, std::string_view key);
std::int64_t count(const nlohmann::json& object, std::string_view key);  // 0 if absent
std::string text(const nlohmann::json& object, std::string_view key, std::string_view otherwise = "");

// A metric object, a bare number (then without interval and chance) or nothing.
Metric metric(const nlohmann::json& object, std::string_view key);

// The tasks of an evaluation: one per head; of several models those of the first.
const nlohmann::json& tasks(const nlohmann::json& evaluation);
// The first of that kind ("one_of_n", "multi_label", "regression"); a null value if there is none.
const nlohmann::json& task_of_kind(const nlohmann::json& evaluation, std::string_view kind);

struct Baseline {
    std::string key;  // "total_intensity"
    Metric score;
};
// Of a task of classes, or of one label, by "accuracy" or another score; the highest first. Without those that always
// say one class, the best of which is the majority.
std::vector<Baseline> baselines(const nlohmann::json& task, std::string_view score);
// The best of all by that score; absent if there are none.
std::optional<Baseline> best_baseline(const nlohmann::json& task, std::string_view score);
std::string baseline_name(std::string_view key);         // "total intensity"
std::string baseline_description(std::string_view key);  // what it does, half a sentence

std::string map_name(std::string_view key);  // "HiResCAM", "radial prior"
std::string capitalised(std::string name);

// Rows of one kind, in the file's order.
std::vector<nlohmann::json> rows_of_kind(const nlohmann::json& explanation, std::string_view kind);
// Of the images with peaks, those whose map has a score: one that is zero, constant or not finite says nothing.
struct ScoredMaps {
    std::int64_t scored;
    std::int64_t of;
};
ScoredMaps scored_maps(const nlohmann::json& row);
// The attribution row with the highest ln sLift, a map without a score counting as chance; absent if none is defined.
std::optional<nlohmann::json> best_attribution(const nlohmann::json& explanation);

}  // namespace braggbench::report
