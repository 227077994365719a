// Is one model better than another on the same images? Exact McNemar tests, corrected for the number of pairs by Holm.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

// Two-sided p-value that of n = only_first + only_second images on which exactly one model is right, the split is a
// fair coin's: min(1, 2 P(X <= smaller)), X ~ Bin(n, 1/2) (McNemar 1947, Psychometrika 12, 153). 1 without such images.
// Throws UsageError for negative counts.
double mcnemar_exact_p(std::int64_t only_first, std::int64_t only_second);

// Holm's step-down adjusted p-values, in the order given (Holm 1979, Scand. J. Stat. 6, 65): the i-th smallest of m is
// multiplied by m - i + 1, made to rise, and capped at 1. Rejecting where <= 0.05 keeps the chance of any false claim
// below 5 %. Throws UsageError for a p outside [0, 1].
std::vector<double> holm_adjusted(std::span<const double> p_values);

struct ModelAnswers {
    std::string name;
    std::vector<int> right;  // 1 where the model is right, same images in the same order for all models
};

struct ModelComparison {
    std::string first;
    std::string second;
    std::int64_t only_first_right = 0;
    std::int64_t only_second_right = 0;
    Metric accuracy_difference;  // first - second; paired bootstrap, stratified by true class; chance 0
    double p = 1.0;
    double p_holm = 1.0;  // over all pairs
};

// Every pair of models. `truth` gives the strata. Throws UsageError for lengths that differ.
std::vector<ModelComparison> compare_models(std::span<const int> truth, std::span<const ModelAnswers> models,
                                            std::uint64_t seed, int resamples = 2000);
void to_json(nlohmann::json& json, const ModelComparison& comparison);

}  // namespace braggbench
