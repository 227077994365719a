// Errors of predicted numbers (ice thickness, mosaicity), each with bootstrap interval and chance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "classifiers/metric.hpp"

namespace braggbench {

struct RegressionScores {
    Metric mean_absolute_error;  // chance: that of always saying `constant`
    Metric root_mean_square;     // chance: likewise
    Metric r_squared;            // 1 - sum (t - p)^2 / sum (t - mean t)^2; chance 0; undefined if all truths are equal
};

// `constant` is the guess that ignores the image, such as the train split's median; by default these truths' own median
// for the mean absolute error and mean for the root mean square, the best of all constants. The bootstrap has one
// stratum. Throws UsageError for different lengths or values that are not finite. Undefined without values.
RegressionScores regression_scores(std::span<const double> truth, std::span<const double> predicted, std::uint64_t seed,
                                   std::optional<double> constant = std::nullopt, int resamples = 2000);

}  // namespace braggbench
