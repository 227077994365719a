// The stratified bootstrap of any statistic of a set of images: images are drawn with replacement within each stratum
// (true class), the same draws for every statistic of one seed, so that differences are paired.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

// Undefined (nullopt) where the statistic is. counts[i] = how often image i was drawn; 1 for all is the sample itself.
using CountedStatistic = std::function<std::optional<double>(std::span<const int> counts)>;

// Quantiles 2.5 and 97.5 % over the resamples. Absent if the statistic is undefined in more than 5 % of them, or the
// same in all. UsageError for fewer than 2000 resamples or negative strata. strata[i] in [0, any).
std::optional<std::array<double, 2>> bootstrap_ci95(std::span<const int> strata, const CountedStatistic& statistic,
                                                    std::uint64_t seed, int resamples = 2000);

// How an interval follows from the resamples. Those of a share near 1 crowd below it, and their quantiles hold the
// truth too rarely (docs/metrics.md): `logit` is for statistics in [0, 1], normal on that scale with the resamples'
// standard deviation.
enum class BootstrapInterval { percentile, logit };

// The statistic of the sample with its interval; without value there is none.
Metric bootstrapped(std::span<const int> strata, const CountedStatistic& statistic, std::optional<double> chance,
                    std::uint64_t seed, int resamples = 2000);
// The same of a share, on the logit's scale.
Metric bootstrapped_share(std::span<const int> strata, const CountedStatistic& statistic, std::optional<double> chance,
                          std::uint64_t seed, int resamples = 2000);

// The interval of a statistic already resampled, `value` that of the sample, by the same rules. Of a value of 0 or 1
// `logit` gives none.
std::optional<std::array<double, 2>> interval_ci95(double value, std::vector<double> resampled,
                                                   BootstrapInterval interval, int resamples);
std::optional<std::array<double, 2>> percentile_ci95(std::vector<double> values, int resamples);

}  // namespace braggbench
