#include "classifiers/metric_bootstrap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr int min_resamples = 2000;  // fewer leave the bounds themselves uncertain (Efron & Tibshirani 1993, ch. 14)

// Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996), of sorted values.
double quantile(const std::vector<double>& sorted, double q) {
    const double position = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const auto above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

}  // namespace

std::optional<std::array<double, 2>> percentile_ci95(std::vector<double> values, int resamples) {
    if (values.empty() || static_cast<double>(values.size()) < 0.95 * resamples) return std::nullopt;
    std::sort(values.begin(), values.end());
    if (values.front() == values.back()) return std::nullopt;
    return std::array{quantile(values, 0.025), quantile(values, 0.975)};
}

std::optional<std::array<double, 2>> interval_ci95(double value, std::vector<double> resampled,
                                                   BootstrapInterval interval, int resamples) {
    if (interval == BootstrapInterval::percentile) return percentile_ci95(std::move(resampled), resamples);
    if (value <= 0.0 || value >= 1.0 || !percentile_ci95(resampled, resamples)) return std::nullopt;
    const auto count = static_cast<double>(resampled.size());
    const double mean = std::reduce(resampled.begin(), resampled.end()) / count;
    double variance = 0.0;
    for (const double one : resampled) variance += (one - mean) * (one - mean) / (count - 1.0);
    constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
    const double centre = std::log(value / (1.0 - value));
    const double half = z * std::sqrt(variance) / (value * (1.0 - value));
    return std::array{1.0 / (1.0 + std::exp(half - centre)), 1.0 / (1.0 + std::exp(-half - centre))};
}

namespace {

// Of those resamples where it is defined.
std::vector<double> resampled_values(std::span<const int> strata, const CountedStatistic& statistic, std::uint64_t seed,
                                     int resamples) {
    if (resamples < min_resamples) {
        throw UsageError(fmt::format("{} resamples (their 2.5 % quantile would be uncertain itself). Give {} or more.",
                                     resamples, min_resamples));
    }
    std::vector<std::vector<std::size_t>> members;
    for (std::size_t i = 0; i < strata.size(); ++i) {
        if (strata[i] < 0) {
            throw UsageError(fmt::format("stratum {} (they are counted from 0). Give the true classes.", strata[i]));
        }
        const auto stratum = static_cast<std::size_t>(strata[i]);
        if (stratum >= members.size()) members.resize(stratum + 1);
        members[stratum].push_back(i);
    }
    std::vector<double> values;
    std::vector<int> counts(strata.size());
    for (int r = 0; r < resamples; ++r) {
        RandomStream random(seed, static_cast<std::uint64_t>(r), bootstrap_stage);
        std::fill(counts.begin(), counts.end(), 0);
        for (const auto& stratum : members) {
            for (std::size_t i = 0; i < stratum.size(); ++i) ++counts[stratum[draw_index(random, stratum.size())]];
        }
        if (const auto value = statistic(counts)) values.push_back(*value);
    }
    return values;
}

Metric with_interval(std::span<const int> strata, const CountedStatistic& statistic, std::optional<double> chance,
                     std::uint64_t seed, BootstrapInterval interval, int resamples) {
    const auto value = statistic(std::vector<int>(strata.size(), 1));
    if (!value) return {std::nullopt, std::nullopt, chance};
    return {value, interval_ci95(*value, resampled_values(strata, statistic, seed, resamples), interval, resamples),
            chance};
}

}  // namespace

std::optional<std::array<double, 2>> bootstrap_ci95(std::span<const int> strata, const CountedStatistic& statistic,
                                                    std::uint64_t seed, int resamples) {
    return percentile_ci95(resampled_values(strata, statistic, seed, resamples), resamples);
}

Metric bootstrapped(std::span<const int> strata, const CountedStatistic& statistic, std::optional<double> chance,
                    std::uint64_t seed, int resamples) {
    return with_interval(strata, statistic, chance, seed, BootstrapInterval::percentile, resamples);
}

Metric bootstrapped_share(std::span<const int> strata, const CountedStatistic& statistic, std::optional<double> chance,
                          std::uint64_t seed, int resamples) {
    return with_interval(strata, statistic, chance, seed, BootstrapInterval::logit, resamples);
}

}  // namespace braggbench
