#include "classifiers/metric_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Of perfectly calibrated answers; keyed apart from the bootstrap's own.
constexpr std::uint64_t chance_image = std::uint64_t{1} << 40;

// As numpy.linspace(0, 1, n + 1) makes the inner edges, so that a confidence on an edge falls into the same bin.
std::vector<double> inner_edges(int bin_count) {
    std::vector<double> edges;
    for (int k = 1; k < bin_count; ++k) edges.push_back(k * (1.0 / bin_count));
    return edges;
}

std::vector<std::size_t> bins_of(std::span<const double> confidences, std::span<const int> right, int bin_count) {
    if (bin_count < 1 || confidences.size() != right.size()) {
        throw UsageError(
            fmt::format("{} confidences, {} answers, {} bins (as many of the first two, at least one of the "
                        "last are needed). Give predictions of the same images.",
                        confidences.size(), right.size(), bin_count));
    }
    const auto edges = inner_edges(bin_count);
    std::vector<std::size_t> bins;
    bins.reserve(confidences.size());
    for (const double confidence : confidences) {
        if (!(confidence >= 0.0 && confidence <= 1.0)) {
            throw UsageError(
                fmt::format("confidence {} (it is a probability). Give softmax or sigmoid outputs, in "
                            "[0, 1].",
                            confidence));
        }
        bins.push_back(
            static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), confidence) - edges.begin()));
    }
    return bins;
}

class CalibrationError {
public:
    CalibrationError(std::span<const double> confidences, const std::vector<std::size_t>& bins, int bin_count)
        : confidences_(confidences), bins_(bins), gap_(static_cast<std::size_t>(bin_count)) {}

    template <class Count, class Right>
    std::optional<double> operator()(const Count& count, const Right& right) {
        std::fill(gap_.begin(), gap_.end(), 0.0);
        double total = 0.0;
        for (std::size_t i = 0; i < bins_.size(); ++i) {
            const double weight = count(i);
            gap_[bins_[i]] += weight * (right(i) - confidences_[i]);
            total += weight;
        }
        if (total == 0.0) return std::nullopt;
        double sum = 0.0;
        for (const double gap : gap_) sum += std::abs(gap);
        return sum / total;
    }

private:
    std::span<const double> confidences_;
    const std::vector<std::size_t>& bins_;
    std::vector<double> gap_;  // of each bin, sum of right - confidence
};

}  // namespace

std::vector<ReliabilityBin> reliability_curve(std::span<const double> confidences, std::span<const int> right,
                                              int bin_count) {
    const auto bins = bins_of(confidences, right, bin_count);
    std::vector<ReliabilityBin> curve(static_cast<std::size_t>(bin_count));
    std::vector<double> sums(curve.size(), 0.0);
    std::vector<std::int64_t> right_counts(curve.size(), 0);
    for (std::size_t i = 0; i < bins.size(); ++i) {
        ++curve[bins[i]].count;
        sums[bins[i]] += confidences[i];
        right_counts[bins[i]] += right[i] != 0 ? 1 : 0;
    }
    for (std::size_t b = 0; b < curve.size(); ++b) {
        auto& bin = curve[b];
        bin.low = static_cast<double>(b) / bin_count;
        bin.high = static_cast<double>(b + 1) / bin_count;
        if (bin.count > 0) bin.mean_confidence = sums[b] / static_cast<double>(bin.count);
        bin.accuracy = proportion(right_counts[b], bin.count, bin.mean_confidence);
    }
    return curve;
}

Metric expected_calibration_error(std::span<const double> confidences, std::span<const int> right, std::uint64_t seed,
                                  int bin_count, int resamples) {
    const auto bins = bins_of(confidences, right, bin_count);
    CalibrationError error(confidences, bins, bin_count);
    std::vector<int> strata;
    for (const int answer : right) strata.push_back(answer != 0 ? 1 : 0);
    const auto is_right = [&](std::size_t i) { return static_cast<double>(strata[i]); };
    auto metric = bootstrapped(
        strata,
        [&](std::span<const int> counts) {
            return error([&](std::size_t i) { return static_cast<double>(counts[i]); }, is_right);
        },
        std::nullopt, seed, resamples);
    if (!metric.value) return metric;
    constexpr int trials = 200;
    double sum = 0.0;
    for (int t = 0; t < trials; ++t) {
        RandomStream random(seed, chance_image + static_cast<std::uint64_t>(t), bootstrap_stage);
        sum += *error([](std::size_t) { return 1.0; },
                      [&](std::size_t i) { return random.uniform() < confidences[i] ? 1.0 : 0.0; });
    }
    metric.chance = sum / trials;
    return metric;
}

}  // namespace braggbench
