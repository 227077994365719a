#include "classifiers/metric_regression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "classifiers/metric_bootstrap.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

struct Sums {
    double count = 0.0, absolute = 0.0, squared = 0.0, truth = 0.0;
};

Sums sums_of(std::span<const double> truth, std::span<const double> predicted, std::span<const int> counts) {
    Sums sums;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        const auto weight = static_cast<double>(counts[i]);
        const double error = predicted[i] - truth[i];
        sums.count += weight;
        sums.absolute += weight * std::abs(error);
        sums.squared += weight * error * error;
        sums.truth += weight * truth[i];
    }
    return sums;
}

std::optional<double> r_squared(std::span<const double> truth, std::span<const double> predicted,
                                std::span<const int> counts) {
    const auto sums = sums_of(truth, predicted, counts);
    const double mean = sums.truth / sums.count;
    double spread = 0.0;
    bool varied = false;
    const double* first = nullptr;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (counts[i] == 0) continue;
        if (first == nullptr) first = &truth[i];
        varied = varied || truth[i] != *first;
        spread += static_cast<double>(counts[i]) * (truth[i] - mean) * (truth[i] - mean);
    }
    if (!varied || spread == 0.0) return std::nullopt;
    return 1.0 - sums.squared / spread;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

}  // namespace

RegressionScores regression_scores(std::span<const double> truth, std::span<const double> predicted, std::uint64_t seed,
                                   std::optional<double> constant, int resamples) {
    if (truth.size() != predicted.size()) {
        throw UsageError(
            fmt::format("{} predictions for {} images (one is needed for each). Give predictions of the same "
                        "images.",
                        predicted.size(), truth.size()));
    }
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (!std::isfinite(truth[i]) || !std::isfinite(predicted[i])) {
            throw UsageError(
                fmt::format("image {}: {} predicted for {} (both must be finite numbers). Leave out images "
                            "without the label, and check the model.",
                            i, predicted[i], truth[i]));
        }
    }
    RegressionScores scores;
    scores.r_squared.chance = 0.0;
    if (truth.empty()) return scores;

    double mean = 0.0;
    for (const double value : truth) mean += value / static_cast<double>(truth.size());
    const std::vector<int> once(truth.size(), 1);
    const auto error_of = [&](double guess) { return sums_of(truth, std::vector<double>(truth.size(), guess), once); };
    const auto count = static_cast<double>(truth.size());
    const double chance_absolute = error_of(constant.value_or(median({truth.begin(), truth.end()}))).absolute / count;
    const double chance_square = std::sqrt(error_of(constant.value_or(mean)).squared / count);
    const std::vector<int> strata(truth.size(), 0);
    using Counts = std::span<const int>;
    scores.mean_absolute_error = bootstrapped(
        strata,
        [&](Counts counts) -> std::optional<double> {
            const auto sums = sums_of(truth, predicted, counts);
            return sums.absolute / sums.count;
        },
        chance_absolute, seed, resamples);
    scores.root_mean_square = bootstrapped(
        strata,
        [&](Counts counts) -> std::optional<double> {
            const auto sums = sums_of(truth, predicted, counts);
            return std::sqrt(sums.squared / sums.count);
        },
        chance_square, seed, resamples);
    scores.r_squared = bootstrapped(
        strata, [&](Counts counts) { return r_squared(truth, predicted, counts); }, 0.0, seed, resamples);
    return scores;
}

}  // namespace braggbench
