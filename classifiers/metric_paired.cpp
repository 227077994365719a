#include "classifiers/metric_paired.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "classifiers/metric_comparison.hpp"
#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr int most_swaps = 200'000;
constexpr int enough_as_far = 50;
constexpr double rounding = 1e-12;

// The median of values that occur `counts` times each; `order` sorts them.
double counted_median(std::span<const double> values, std::span<const std::size_t> order, std::span<const int> counts) {
    const auto total = static_cast<std::int64_t>(values.size());
    std::int64_t below = 0;
    double lower = 0.0;
    bool lower_known = false;
    for (const std::size_t i : order) {
        below += counts[i];
        if (!lower_known && 2 * below >= total) {
            lower = values[i];
            lower_known = true;
        }
        if (2 * below > total) return 0.5 * (lower + values[i]);
    }
    return lower;
}

std::vector<std::size_t> sorted_order(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    return order;
}

// One of two at random.
class Coin {
public:
    explicit Coin(std::uint64_t seed) : random_(seed, 0, permutation_stage) {}
    bool toss() {
        if (left_ == 0) {
            bits_ = random_.bits();
            left_ = 32;
        }
        --left_;
        const bool side = (bits_ & 1U) != 0;
        bits_ >>= 1U;
        return side;
    }

private:
    RandomStream random_;
    std::uint32_t bits_ = 0;
    int left_ = 0;
};

// The share of swaps for which the sum is as far from 0 as it is.
double swapped_p(std::span<const double> changes, std::uint64_t seed) {
    std::vector<double> changed;
    for (const double change : changes) {
        if (change != 0.0) changed.push_back(change);
    }
    const double sum = std::reduce(changed.begin(), changed.end());
    const double scale =
        std::transform_reduce(changed.begin(), changed.end(), 0.0, std::plus<>(), [](double x) { return std::abs(x); });
    const double far = std::abs(sum) - rounding * scale;
    Coin coin(seed);
    int as_far = 0;
    for (int swap = 1; swap <= most_swaps; ++swap) {
        double swapped = 0.0;
        for (const double change : changed) swapped += coin.toss() ? change : -change;
        as_far += std::abs(swapped) >= far ? 1 : 0;
        if (as_far == enough_as_far) return static_cast<double>(as_far) / swap;
    }
    return (1.0 + as_far) / (1.0 + most_swaps);
}

// Ranks of the changes' sizes, equal ones sharing theirs, with the changes' signs.
std::vector<double> signed_ranks(std::span<const double> changes) {
    std::vector<double> sizes;
    for (const double change : changes) {
        if (change != 0.0) sizes.push_back(std::abs(change));
    }
    std::sort(sizes.begin(), sizes.end());
    std::vector<double> ranks;
    for (const double change : changes) {
        if (change == 0.0) continue;
        const auto [first, last] = std::equal_range(sizes.begin(), sizes.end(), std::abs(change));
        const auto rank = 0.5 * static_cast<double>((first - sizes.begin()) + (last - sizes.begin()) + 1);
        ranks.push_back(std::copysign(rank, change));
    }
    return ranks;
}

bool zero_or_one(std::span<const double> values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return value == 0.0 || value == 1.0; });
}

// P(U <= u) for sizes m and n without ties: orders with that sum, by Mann and Whitney's recurrence.
double rank_sum_share(std::size_t m, std::size_t n, std::size_t u) {
    // ways[k][s]: k of the first set among the values so far, with sum s of the second set's values below each.
    std::vector<std::vector<double>> ways(m + 1, std::vector<double>(m * n + 1, 0.0));
    ways[0][0] = 1.0;
    for (std::size_t j = 1; j <= m + n; ++j) {
        for (std::size_t k = std::min(j, m); k >= 1; --k) {
            const std::size_t below = j - k;  // of the second set, if the j-th value is the k-th of the first
            if (below > n) continue;
            for (std::size_t s = m * n + 1; s-- > below;) ways[k][s] += ways[k - 1][s - below];
        }
    }
    double share = 0.0;
    for (std::size_t s = 0; s <= u; ++s) share += ways[m][s];
    return share / std::accumulate(ways[m].begin(), ways[m].end(), 0.0);
}

}  // namespace

PairedChange paired_change(std::span<const double> before, std::span<const double> after, std::span<const int> strata,
                           SampleSummary summary, std::uint64_t seed) {
    const std::size_t count = before.size();
    if (after.size() != count || (!strata.empty() && strata.size() != count) || count == 0) {
        throw UsageError(
            fmt::format("{} values before, {} after, {} strata (pairs need one of each). Give values of the same "
                        "images.",
                        count, after.size(), strata.size()));
    }
    std::vector<double> changes(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (!std::isfinite(before[i]) || !std::isfinite(after[i])) {
            throw UsageError(
                fmt::format("pair {}: {} and {} (both must be finite). Check the scores.", i, before[i], after[i]));
        }
        changes[i] = after[i] - before[i];
    }
    PairedChange result;
    if (std::all_of(changes.begin(), changes.end(), [](double change) { return change == 0.0; })) return result;

    const std::vector<int> one_stratum(strata.empty() ? count : 0, 0);
    const std::span<const int> resampled = strata.empty() ? std::span<const int>(one_stratum) : strata;
    if (summary == SampleSummary::mean) {
        result.difference = std::reduce(changes.begin(), changes.end()) / static_cast<double>(count);
        result.ci95 = bootstrap_ci95(
            resampled,
            [&](std::span<const int> counts) -> std::optional<double> {
                return std::inner_product(counts.begin(), counts.end(), changes.begin(), 0.0) /
                       static_cast<double>(count);
            },
            seed);
        if (zero_or_one(before) && zero_or_one(after)) {
            const auto gained = std::count(changes.begin(), changes.end(), 1.0);
            const auto lost = std::count(changes.begin(), changes.end(), -1.0);
            result.p = mcnemar_exact_p(gained, lost);
        } else {
            result.p = swapped_p(changes, seed);
        }
        return result;
    }
    const auto order_before = sorted_order(before);
    const auto order_after = sorted_order(after);
    const auto difference = [&](std::span<const int> counts) -> std::optional<double> {
        return counted_median(after, order_after, counts) - counted_median(before, order_before, counts);
    };
    result.difference = *difference(std::vector<int>(count, 1));
    result.ci95 = bootstrap_ci95(resampled, difference, seed);
    result.p = swapped_p(signed_ranks(changes), seed);
    return result;
}

double rank_sum_p(std::span<const double> first, std::span<const double> second) {
    const std::size_t m = first.size();
    const std::size_t n = second.size();
    if (m == 0 || n == 0) return 1.0;
    double u = 0.0;
    for (const double a : first) {
        for (const double b : second) u += a > b ? 1.0 : (a == b ? 0.5 : 0.0);
    }
    const auto pairs = static_cast<double>(m) * static_cast<double>(n);
    const double smaller = std::min(u, pairs - u);
    std::vector<double> all(first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    std::sort(all.begin(), all.end());
    double ties = 0.0;
    for (auto begin = all.begin(); begin != all.end();) {
        const auto end = std::upper_bound(begin, all.end(), *begin);
        const auto size = static_cast<double>(end - begin);
        ties += size * size * size - size;
        begin = end;
    }
    if (ties == 0.0 && m + n <= 40) return std::min(1.0, 2.0 * rank_sum_share(m, n, static_cast<std::size_t>(smaller)));
    const auto total = static_cast<double>(m + n);
    const double variance = pairs / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if (!(variance > 0.0)) return 1.0;
    return std::min(1.0, two_sided_p(std::max(0.0, 0.5 * pairs - smaller - 0.5) / std::sqrt(variance)));
}

}  // namespace braggbench
