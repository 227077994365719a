#include "classifiers/metric_clustered_auc.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "classifiers/metric.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

constexpr double z95 = 1.959963984540054;  // of a two-sided 95 % interval

struct Side {
    std::vector<double> placements;  // summed per group
    std::vector<double> images;      // per group
    double total = 0.0;
};

// Sum over the groups of (placements - images * auc)(the other's), Obuchowski's S before its factors.
double cross(const Side& a, double auc_a, const Side& b, double auc_b) {
    double sum = 0.0;
    for (std::size_t g = 0; g < a.placements.size(); ++g) {
        sum += (a.placements[g] - a.images[g] * auc_a) * (b.placements[g] - b.images[g] * auc_b);
    }
    return sum;
}

std::int64_t groups_of(const Side& side) {
    return std::count_if(side.images.begin(), side.images.end(), [](double n) { return n > 0.0; });
}

}  // namespace

double two_sided_p(double z) { return std::erfc(std::abs(z) / std::sqrt(2.0)); }
double one_sided_p(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

std::optional<ClusteredAuc> clustered_auc(std::span<const int> truth, std::span<const double> scores,
                                          std::span<const std::int64_t> groups) {
    const std::size_t count = truth.size();
    if (scores.size() != count || (!groups.empty() && groups.size() != count)) {
        throw UsageError(fmt::format("{} scores and {} groups for {} images (one is needed for each).", scores.size(),
                                     groups.size(), count));
    }
    for (std::size_t i = 0; i < count; ++i) {
        if ((truth[i] != 0 && truth[i] != 1) || std::isnan(scores[i])) {
            throw UsageError(
                fmt::format("image {} has truth {} and score {} (truth is 0 or 1, and a score needs a "
                            "rank). Leave it out.",
                            i, truth[i], scores[i]));
        }
    }
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });

    const std::size_t group_count =
        groups.empty() ? count : static_cast<std::size_t>(1 + *std::max_element(groups.begin(), groups.end()));
    Side positive{std::vector<double>(group_count), std::vector<double>(group_count), 0.0};
    Side negative = positive;
    for (std::size_t i = 0; i < count; ++i) (truth[i] == 1 ? positive : negative).total += 1.0;
    if (positive.total == 0.0 || negative.total == 0.0) return std::nullopt;

    double positives_below = 0.0;
    double negatives_below = 0.0;
    double tie_sum = 0.0;
    for (std::size_t first = 0; first < count;) {
        std::size_t end = first;
        double positives = 0.0;
        double negatives = 0.0;
        while (end < count && scores[order[end]] == scores[order[first]]) {
            (truth[order[end++]] == 1 ? positives : negatives) += 1.0;
        }
        const double above_negatives = (negatives_below + 0.5 * negatives) / negative.total;
        const double below_positives = 1.0 - (positives_below + 0.5 * positives) / positive.total;
        for (std::size_t k = first; k < end; ++k) {
            const std::size_t group = groups.empty() ? order[k] : static_cast<std::size_t>(groups[order[k]]);
            Side& side = truth[order[k]] == 1 ? positive : negative;
            side.placements[group] += truth[order[k]] == 1 ? above_negatives : below_positives;
            side.images[group] += 1.0;
        }
        const auto ties = static_cast<double>(end - first);
        tie_sum += ties * ties * ties - ties;
        positives_below += positives;
        negatives_below += negatives;
        first = end;
    }

    ClusteredAuc result;
    result.auc = std::reduce(positive.placements.begin(), positive.placements.end()) / positive.total;
    result.positive_groups = groups_of(positive);
    result.negative_groups = groups_of(negative);
    const auto with_positive = static_cast<double>(result.positive_groups);
    const auto with_negative = static_cast<double>(result.negative_groups);
    const auto all_groups = static_cast<double>(groups.empty() ? count : group_count);

    double variance = 0.0;
    if (with_positive > 1.0 && with_negative > 1.0) {
        const double a = result.auc;
        variance =
            with_positive / (with_positive - 1.0) * cross(positive, a, positive, a) /
                (positive.total * positive.total) +
            with_negative / (with_negative - 1.0) * cross(negative, a, negative, a) /
                (negative.total * negative.total) +
            2.0 * all_groups / (all_groups - 1.0) * cross(positive, a, negative, a) / (positive.total * negative.total);
    }
    const bool perfect = result.auc <= 0.0 || result.auc >= 1.0 || !(variance > 1e-14);
    if (perfect) {
        const auto trials = static_cast<double>(std::min(result.positive_groups, result.negative_groups));
        const double lower = 1.0 / (1.0 + z95 * z95 / trials);  // Wilson's of `trials` out of `trials`
        result.ci95 = result.auc >= 0.5 ? std::array{std::min(lower, result.auc), std::max(lower, result.auc)}
                                        : std::array{std::min(1.0 - lower, result.auc), 1.0 - lower};
    } else {
        const double logit = std::log(result.auc / (1.0 - result.auc));
        const double half = z95 * std::sqrt(variance) / (result.auc * (1.0 - result.auc));
        result.ci95 = {1.0 / (1.0 + std::exp(half - logit)), 1.0 / (1.0 + std::exp(-half - logit))};
    }

    const double images = positive.total + negative.total;
    const double null_variance =
        (images + 1.0 - tie_sum / (images * (images - 1.0))) / (12.0 * positive.total * negative.total);
    // Groups of which each is wholly right or wrong leave no variance either: the null's then stands for one image of
    // each.
    const bool alone = groups.empty() || (with_positive == positive.total && with_negative == negative.total &&
                                          with_positive + with_negative == all_groups);
    const double of_chance = alone || !(variance > 1e-14) ? null_variance : variance;
    result.z = of_chance > 0.0 ? (result.auc - 0.5) / std::sqrt(of_chance) : 0.0;
    return result;
}

}  // namespace braggbench
