#include "classifiers/metric_ranking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

double weight_of(std::span<const int> counts, std::size_t image) {
    return counts.empty() ? 1.0 : static_cast<double>(counts[image]);
}

// The mean of those that are defined.
template <class Statistic>
std::optional<double> mean_over(const std::vector<Ranking>& rankings, const Statistic& statistic) {
    double sum = 0.0;
    int defined = 0;
    for (const auto& ranking : rankings) {
        if (const auto value = statistic(ranking)) {
            sum += *value;
            ++defined;
        }
    }
    if (defined == 0) return std::nullopt;
    return sum / defined;
}

std::optional<double> prevalence(std::span<const int> truth) {
    if (truth.empty()) return std::nullopt;
    return static_cast<double>(std::accumulate(truth.begin(), truth.end(), std::int64_t{0})) /
           static_cast<double>(truth.size());
}

Metric precision_metric(const Ranking& ranking, std::span<const int> strata, std::uint64_t seed, int resamples) {
    return bootstrapped_share(
        strata, [&](std::span<const int> counts) { return ranking.average_precision(counts); },
        prevalence(ranking.truth()), seed, resamples);
}

}  // namespace

Ranking::Ranking(std::span<const int> truth, std::span<const double> scores)
    : truth_(truth.begin(), truth.end()), scores_(scores.begin(), scores.end()), order_(truth.size()) {
    if (truth.size() != scores.size()) {
        throw UsageError(
            fmt::format("{} scores for {} images (one is needed for each). Give scores of the same images.",
                        scores.size(), truth.size()));
    }
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (truth[i] != 0 && truth[i] != 1) {
            throw UsageError(fmt::format("truth {} (1 means of the class, 0 any other). Give 0 or 1.", truth[i]));
        }
        if (std::isnan(scores[i])) {
            throw UsageError(
                fmt::format("score {} of {} is not a number (it has no rank). Check the model.", i + 1, scores.size()));
        }
    }
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return scores_[a] > scores_[b]; });
    for (std::size_t i = 0; i < order_.size(); ++i) {
        last_of_tie_.push_back(i + 1 == order_.size() || scores_[order_[i]] != scores_[order_[i + 1]] ? 1 : 0);
    }
}

Ranking::Totals Ranking::totals(std::span<const int> counts) const {
    Totals sums;
    for (std::size_t i = 0; i < truth_.size(); ++i) {
        (truth_[i] == 1 ? sums.positives : sums.negatives) += weight_of(counts, i);
    }
    return sums;
}

std::optional<double> Ranking::roc_auc(std::span<const int> counts) const {
    const auto sums = totals(counts);
    if (sums.positives == 0.0 || sums.negatives == 0.0) return std::nullopt;
    // Pairs of one image of the class and one other, ranked right; a tie is half a pair (Mann & Whitney 1947).
    double pairs = 0.0;
    double positives_above = 0.0;
    double positives = 0.0;
    double negatives = 0.0;
    for (std::size_t i = 0; i < order_.size(); ++i) {
        const double weight = weight_of(counts, order_[i]);
        (truth_[order_[i]] == 1 ? positives : negatives) += weight;
        if (last_of_tie_[i] == 0) continue;
        pairs += negatives * (positives_above + 0.5 * positives);
        positives_above += positives;
        positives = negatives = 0.0;
    }
    return pairs / (sums.positives * sums.negatives);
}

std::optional<double> Ranking::average_precision(std::span<const int> counts) const {
    const auto sums = totals(counts);
    if (sums.positives == 0.0) return std::nullopt;
    double area = 0.0;
    double called = 0.0;
    double right = 0.0;
    double right_before = 0.0;
    for (std::size_t i = 0; i < order_.size(); ++i) {
        const double weight = weight_of(counts, order_[i]);
        called += weight;
        if (truth_[order_[i]] == 1) right += weight;
        if (last_of_tie_[i] == 0 || called == 0.0) continue;
        area += (right - right_before) * right / called;
        right_before = right;
    }
    return area / sums.positives;
}

std::vector<Ranking::RocPoint> Ranking::roc_curve() const {
    const auto sums = totals({});
    if (sums.positives == 0.0 || sums.negatives == 0.0) return {};
    std::vector<RocPoint> curve = {{std::numeric_limits<double>::infinity(), 0.0, 0.0}};
    double positives = 0.0;
    double negatives = 0.0;
    for (std::size_t i = 0; i < order_.size(); ++i) {
        (truth_[order_[i]] == 1 ? positives : negatives) += 1.0;
        if (last_of_tie_[i] == 0) continue;
        curve.push_back({scores_[order_[i]], negatives / sums.negatives, positives / sums.positives});
    }
    return curve;
}

std::optional<Ranking::RocPoint> Ranking::at_false_positive_rate(double highest_rate) const {
    std::optional<RocPoint> best;
    for (const auto& point : roc_curve()) {
        if (point.false_positive_rate > highest_rate) break;
        if (!best || point.true_positive_rate > best->true_positive_rate) best = point;
    }
    return best;
}

Metric roc_auc(std::span<const int> truth, std::span<const double> scores) {
    const auto auc = clustered_auc(truth, scores);
    if (!auc) return {std::nullopt, std::nullopt, 0.5};
    // One image of a kind says nothing about how such images scatter.
    const bool single = std::min(auc->positive_groups, auc->negative_groups) < 2;
    return {auc->auc, single ? std::nullopt : std::optional(auc->ci95), 0.5};
}

Metric average_precision(std::span<const int> truth, std::span<const double> scores, std::uint64_t seed,
                         int resamples) {
    return precision_metric(Ranking(truth, scores), truth, seed, resamples);
}

OneVersusRest one_versus_rest(std::span<const int> truth, std::span<const std::vector<double>> scores, int class_count,
                              std::uint64_t seed, int resamples) {
    const auto classes = static_cast<std::size_t>(std::max(0, class_count));
    if (truth.size() != scores.size()) {
        throw UsageError(
            fmt::format("{} rows of scores for {} images (one is needed for each). Give scores of the same "
                        "images.",
                        scores.size(), truth.size()));
    }
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (scores[i].size() != classes || truth[i] < 0 || truth[i] >= class_count) {
            throw UsageError(
                fmt::format("image {} has class {} and {} scores (there are {} classes, counted from 0). "
                            "Give one score per class.",
                            i, truth[i], scores[i].size(), class_count));
        }
    }
    OneVersusRest result;
    std::vector<Ranking> rankings;
    double prevalences = 0.0;
    int present = 0;
    for (std::size_t c = 0; c < classes; ++c) {
        std::vector<int> is_class;
        std::vector<double> column;
        for (std::size_t i = 0; i < truth.size(); ++i) {
            is_class.push_back(truth[i] == static_cast<int>(c) ? 1 : 0);
            column.push_back(scores[i][c]);
        }
        rankings.emplace_back(is_class, column);
        // The strata are the classes, as for the mean over them.
        result.roc_auc.push_back(roc_auc(is_class, column));
        result.average_precision.push_back(precision_metric(rankings.back(), truth, seed, resamples));
        if (result.average_precision.back().value) {
            prevalences += *result.average_precision.back().chance;
            ++present;
        }
    }
    result.mean_roc_auc = bootstrapped_share(
        truth,
        [&](std::span<const int> counts) {
            return mean_over(rankings, [&](const Ranking& ranking) { return ranking.roc_auc(counts); });
        },
        0.5, seed, resamples);
    result.mean_average_precision = bootstrapped_share(
        truth,
        [&](std::span<const int> counts) {
            return mean_over(rankings, [&](const Ranking& ranking) { return ranking.average_precision(counts); });
        },
        present > 0 ? std::optional(prevalences / present) : std::nullopt, seed, resamples);
    return result;
}

}  // namespace braggbench
