// Whether probabilities mean what they say: reliability curve and expected calibration error over fixed bins.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

// Bins of equal width over [0, 1], (k / n, (k + 1) / n] and the first closed at 0: scikit-learn's calibration_curve
// with strategy "uniform".
struct ReliabilityBin {
    double low = 0.0;
    double high = 0.0;
    std::int64_t count = 0;
    std::optional<double> mean_confidence;
    Metric accuracy;  // share of right answers; Wilson interval; chance is what the confidence promises
};

inline constexpr int reliability_bins = 15;  // as usual since Guo et al. 2017 (ICML 70, 1321)

// confidences[i]: the probability that answer i is right, e.g. the highest of a softmax; right[i]: 1 if it is. Throws
// UsageError for different lengths, confidences outside [0, 1], or bin_count < 1.
std::vector<ReliabilityBin> reliability_curve(std::span<const double> confidences, std::span<const int> right,
                                              int bin_count = reliability_bins);

// Sum over bins of (share of images) |accuracy - mean confidence| (Naeini et al. 2015; Guo et al. 2017). Interval by
// bootstrap, right and wrong answers as strata. Chance is the mean of a perfectly calibrated model with these
// confidences: it isn't 0, as each bin's accuracy scatters. Undefined without images.
Metric expected_calibration_error(std::span<const double> confidences, std::span<const int> right, std::uint64_t seed,
                                  int bin_count = reliability_bins, int resamples = 2000);

}  // namespace braggbench
