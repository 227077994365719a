// Did a score change between two runs on the same images? The paired difference with its interval, and a test; and the
// test of two sets of times that have no pairs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace braggbench {

enum class SampleSummary { mean, median };

struct PairedChange {
    double difference = 0.0;                    // summary of `after` less that of `before`
    std::optional<std::array<double, 2>> ci95;  // bootstrap of the pairs within their strata; absent if all are alike
    double p = 1.0;                             // two-sided; of no change
};

// Where all values are 0 or 1 and means are compared, p is McNemar's exact one. Otherwise that of swapping the two
// values of pairs at random, as could be done if nothing had changed: the share of swaps whose sum of differences
// (Fisher 1935, The Design of Experiments, section 21), for medians of their signed ranks (Wilcoxon 1945, Biometrics
// Bull. 1, 80), is as far from 0. Swaps are drawn until 50 were as far, 200000 at most (Besag & Clifford 1991,
// Biometrika 78, 301), so that no p is below 1 / 200001. Empty strata: one. Throws
// UsageError for lengths that differ, no values, or values that are not finite.
PairedChange paired_change(std::span<const double> before, std::span<const double> after, std::span<const int> strata,
                           SampleSummary summary, std::uint64_t seed);

// Two-sided p-value of Mann and Whitney (1947, Ann. Math. Stat. 18, 50) that two sets come from one distribution: exact
// without ties and up to 40 values in all, else normal with continuity and ties corrected for. 1 if either is empty.
double rank_sum_p(std::span<const double> first, std::span<const double> second);

}  // namespace braggbench
