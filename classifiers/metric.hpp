// Every reported number is a Metric: value, 95 % interval, chance. JSON: {"value":..., "ci95":[lo,hi], "chance":...}.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

namespace braggbench {

struct Metric {
    std::optional<double> value;  // absent (null) where undefined, e.g. the precision of a class never predicted
    std::optional<std::array<double, 2>> ci95;
    std::optional<double> chance;
};
void to_json(nlohmann::json& json, const Metric& metric);

// Wilson score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22, 209). [0, 1] without trials. Throws
// UsageError unless 0 <= successes <= trials.
std::array<double, 2> wilson_ci95(std::int64_t successes, std::int64_t trials);

// A proportion with its Wilson interval; undefined without trials.
Metric proportion(std::int64_t successes, std::int64_t trials, std::optional<double> chance);

// Counts; rows are true classes, columns predicted ones.
using Confusion = std::vector<std::vector<std::int64_t>>;
// Throws UsageError if the lengths differ or a class is not in [0, class_count).
Confusion confusion_matrix(std::span<const int> truth, std::span<const int> predicted, int class_count);

std::optional<double> accuracy(const Confusion& confusion);
// Mean recall over the classes that occur.
std::optional<double> balanced_accuracy(const Confusion& confusion);
// Matthews correlation for any number of classes (Gorodkin 2004, Comput. Biol. Chem. 28, 367); undefined if only one
// class occurs or only one is predicted.
std::optional<double> matthews_correlation(const Confusion& confusion);

// The interval between the 2.5 and 97.5 % quantiles of the statistic over resamples of the images, drawn with
// replacement within each true class (stratified). Absent if the statistic is undefined in more than 5 % of them, or
// the same in all: resampling a perfect score says nothing about how far from perfect the truth may be.
using ConfusionStatistic = std::function<std::optional<double>(const Confusion&)>;
std::optional<std::array<double, 2>> bootstrap_ci95(const Confusion& confusion, const ConfusionStatistic& statistic,
                                                    std::uint64_t seed, int resamples = 2000);
// The statistic in each resample in which it is defined.
std::vector<double> resampled_values(const Confusion& confusion, const ConfusionStatistic& statistic,
                                     std::uint64_t seed, int resamples);

}  // namespace braggbench
