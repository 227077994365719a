#include "classifiers/metric.hpp"

#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::int64_t row_sum(const Confusion& confusion, std::size_t row) {
    return std::accumulate(confusion[row].begin(), confusion[row].end(), std::int64_t{0});
}

}  // namespace

void to_json(nlohmann::json& json, const Metric& metric) {
    json = {{"value", nullptr}, {"ci95", nullptr}, {"chance", nullptr}};
    if (metric.value) json["value"] = *metric.value;
    if (metric.ci95) json["ci95"] = *metric.ci95;
    if (metric.chance) json["chance"] = *metric.chance;
}

std::array<double, 2> wilson_ci95(std::int64_t successes, std::int64_t trials) {
    if (successes < 0 || successes > trials) {
        throw UsageError(std::to_string(successes) + " successes of " + std::to_string(trials) +
                         " trials (not a proportion). Give 0 <= successes <= trials.");
    }
    if (trials == 0) return {0.0, 1.0};
    constexpr double z = 1.959963984540054;  // 97.5 % quantile of the normal distribution
    const auto n = static_cast<double>(trials);
    const double p = static_cast<double>(successes) / n;
    const double centre = p + z * z / (2 * n);
    const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    const double scale = 1 + z * z / n;
    // At the ends the bound is exactly 0 or 1, which rounding would miss.
    return {successes == 0 ? 0.0 : (centre - half) / scale, successes == trials ? 1.0 : (centre + half) / scale};
}

Metric proportion(std::int64_t successes, std::int64_t trials, std::optional<double> chance) {
    if (trials == 0) return {std::nullopt, std::nullopt, chance};
    return {static_cast<double>(successes) / static_cast<double>(trials), wilson_ci95(successes, trials), chance};
}

Confusion confusion_matrix(std::span<const int> truth, std::span<const int> predicted, int class_count) {
    if (truth.size() != predicted.size()) {
        throw UsageError(std::to_string(predicted.size()) + " predictions for " + std::to_string(truth.size()) +
                         " images (one is needed for each). Give predictions of the same images.");
    }
    const auto count = static_cast<std::size_t>(class_count);
    Confusion confusion(count, std::vector<std::int64_t>(count, 0));
    for (std::size_t i = 0; i < truth.size(); ++i) {
        for (const int index : {truth[i], predicted[i]}) {
            if (index < 0 || index >= class_count) {
                throw UsageError("class " + std::to_string(index) + " (there are " + std::to_string(class_count) +
                                 " classes, counted from 0). Give predictions in the corpus' classes.");
            }
        }
        ++confusion[static_cast<std::size_t>(truth[i])][static_cast<std::size_t>(predicted[i])];
    }
    return confusion;
}

std::optional<double> accuracy(const Confusion& confusion) {
    std::int64_t right = 0;
    std::int64_t total = 0;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        right += confusion[c][c];
        total += row_sum(confusion, c);
    }
    if (total == 0) return std::nullopt;
    return static_cast<double>(right) / static_cast<double>(total);
}

std::optional<double> balanced_accuracy(const Confusion& confusion) {
    double sum = 0.0;
    int classes = 0;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        const auto support = row_sum(confusion, c);
        if (support == 0) continue;
        sum += static_cast<double>(confusion[c][c]) / static_cast<double>(support);
        ++classes;
    }
    if (classes == 0) return std::nullopt;
    return sum / classes;
}

std::optional<double> matthews_correlation(const Confusion& confusion) {
    double total = 0.0;
    double right = 0.0;
    double true_by_predicted = 0.0;
    double predicted_squared = 0.0;
    double true_squared = 0.0;
    for (std::size_t c = 0; c < confusion.size(); ++c) {
        const auto support = static_cast<double>(row_sum(confusion, c));
        double called = 0.0;
        for (const auto& row : confusion) called += static_cast<double>(row[c]);
        total += support;
        right += static_cast<double>(confusion[c][c]);
        true_by_predicted += support * called;
        predicted_squared += called * called;
        true_squared += support * support;
    }
    const double denominator = (total * total - predicted_squared) * (total * total - true_squared);
    if (denominator <= 0.0) return std::nullopt;
    return (right * total - true_by_predicted) / std::sqrt(denominator);
}

std::vector<double> resampled_values(const Confusion& confusion, const ConfusionStatistic& statistic,
                                     std::uint64_t seed, int resamples) {
    std::vector<double> values;
    for (int r = 0; r < resamples; ++r) {
        RandomStream random(seed, static_cast<std::uint64_t>(r), bootstrap_stage);
        Confusion resample(confusion.size(), std::vector<std::int64_t>(confusion.size(), 0));
        for (std::size_t c = 0; c < confusion.size(); ++c) {
            const auto support = row_sum(confusion, c);
            for (std::int64_t i = 0; i < support; ++i) {
                auto drawn = static_cast<std::int64_t>(draw_index(random, static_cast<std::size_t>(support)));
                std::size_t column = 0;
                while (drawn >= confusion[c][column]) drawn -= confusion[c][column++];
                ++resample[c][column];
            }
        }
        if (const auto value = statistic(resample)) values.push_back(*value);
    }
    return values;
}

std::optional<std::array<double, 2>> bootstrap_ci95(const Confusion& confusion, const ConfusionStatistic& statistic,
                                                    std::uint64_t seed, int resamples) {
    return percentile_ci95(resampled_values(confusion, statistic, seed, resamples), resamples);
}

}  // namespace braggbench
