#include "classifiers/metric_paired.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "classifiers/metric_comparison.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Every swap, counted: what the drawn ones estimate.
double all_swaps_p(const std::vector<double>& before, const std::vector<double>& after) {
    double observed = 0.0;
    for (std::size_t i = 0; i < before.size(); ++i) observed += after[i] - before[i];
    int as_far = 0;
    const int swaps = 1 << before.size();
    for (int swap = 0; swap < swaps; ++swap) {
        double sum = 0.0;
        for (std::size_t i = 0; i < before.size(); ++i) sum += ((swap >> i) & 1 ? -1 : 1) * (after[i] - before[i]);
        as_far += std::abs(sum) >= std::abs(observed) - 1e-12 ? 1 : 0;
    }
    return static_cast<double>(as_far) / swaps;
}

TEST(PairedChange, OfRightAnswersIsMcNemars) {
    const std::vector<double> before = {1, 1, 0, 0, 0, 0, 0, 0, 1, 1};
    const std::vector<double> after = {1, 0, 1, 1, 1, 1, 1, 1, 1, 1};
    const auto change = paired_change(before, after, {}, SampleSummary::mean, 1);
    EXPECT_DOUBLE_EQ(change.difference, 0.5);
    EXPECT_DOUBLE_EQ(change.p, mcnemar_exact_p(6, 1));
    ASSERT_TRUE(change.ci95);
    EXPECT_LT((*change.ci95)[0], 0.5);
    EXPECT_GT((*change.ci95)[1], 0.5);
}

TEST(PairedChange, SwapsAreDrawnWithoutBias) {
    const std::vector<double> before = {1.0, 2.5, 3.0, 0.5, 4.0, 2.0, 1.5, 3.5, 2.2, 1.1};
    const std::vector<double> after = {1.4, 2.9, 2.8, 1.0, 4.1, 2.9, 1.4, 4.1, 2.6, 1.2};
    const double exact = all_swaps_p(before, after);
    ASSERT_GT(exact, 0.005);
    ASSERT_LT(exact, 0.05);
    double sum = 0.0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        sum += paired_change(before, after, {}, SampleSummary::mean, seed).p / 20.0;
    }
    // A drawn p scatters by a share 1 / sqrt(50) of itself.
    EXPECT_NEAR(sum, exact, 4.0 * exact / std::sqrt(50.0 * 20.0));
}

TEST(PairedChange, OfMedians) {
    std::vector<double> before;
    std::vector<double> after;
    for (int i = 0; i < 40; ++i) {
        before.push_back(1.0 + 0.1 * i);
        after.push_back(before.back() + (i % 5 == 0 ? -0.05 : 0.5));
    }
    const auto change = paired_change(before, after, {}, SampleSummary::median, 1);
    EXPECT_NEAR(change.difference, 0.45, 0.1);
    EXPECT_LT(change.p, 1e-4);
    EXPECT_GE(change.p, 1.0 / 200001.0);
    // What an outlier does to a mean it does not do to a median.
    before[39] = 1e6;
    after[39] = 0.0;
    EXPECT_LT(paired_change(before, after, {}, SampleSummary::median, 1).p, 1e-3);
    EXPECT_GT(paired_change(before, after, {}, SampleSummary::mean, 1).p, 0.5);
}

TEST(PairedChange, NoneWhereNothingDiffers) {
    const std::vector<double> values = {0.1, 0.2, 0.3};
    for (const auto summary : {SampleSummary::mean, SampleSummary::median}) {
        const auto change = paired_change(values, values, std::vector<int>{0, 1, 1}, summary, 1);
        EXPECT_EQ(change.difference, 0.0);
        EXPECT_EQ(change.p, 1.0);
        EXPECT_FALSE(change.ci95);
    }
}

TEST(PairedChange, WrongInput) {
    const std::vector<double> two = {1, 2};
    const std::vector<double> three = {1, 2, 3};
    const std::vector<double> undefined = {1, std::numeric_limits<double>::quiet_NaN()};
    EXPECT_THROW(paired_change(two, three, {}, SampleSummary::mean, 1), UsageError);
    EXPECT_THROW(paired_change(two, undefined, {}, SampleSummary::mean, 1), UsageError);
    EXPECT_THROW(paired_change(two, two, std::vector<int>{0}, SampleSummary::mean, 1), UsageError);
    EXPECT_THROW(paired_change({}, {}, {}, SampleSummary::mean, 1), UsageError);
}

TEST(RankSum, ExactAndWithTies) {
    // All of one set beyond all of the other: 2 / C(10, 5).
    const std::vector<double> low = {1, 2, 3, 4, 5};
    const std::vector<double> high = {6, 7, 8, 9, 10};
    EXPECT_DOUBLE_EQ(rank_sum_p(low, high), 2.0 / 252.0);
    EXPECT_DOUBLE_EQ(rank_sum_p(high, low), 2.0 / 252.0);
    // One exchange away: 4 / C(10, 5).
    EXPECT_DOUBLE_EQ(rank_sum_p(std::vector<double>{1, 2, 3, 4, 6}, std::vector<double>{5, 7, 8, 9, 10}), 4.0 / 252.0);
    // scipy.stats.mannwhitneyu([1, 3, 5, 8], [2, 4, 6, 7, 9, 10], method="exact").pvalue
    EXPECT_NEAR(rank_sum_p(std::vector<double>{1, 3, 5, 8}, std::vector<double>{2, 4, 6, 7, 9, 10}), 0.3523809523809524,
                1e-12);
    // scipy.stats.mannwhitneyu([1, 2, 2, 3], [2, 3, 4, 4, 5], method="asymptotic").pvalue
    EXPECT_NEAR(rank_sum_p(std::vector<double>{1, 2, 2, 3}, std::vector<double>{2, 3, 4, 4, 5}), 0.07854585095119067,
                1e-12);
    EXPECT_EQ(rank_sum_p(low, low), 1.0);
    EXPECT_EQ(rank_sum_p({}, low), 1.0);
    EXPECT_EQ(rank_sum_p(std::vector<double>{1, 1}, std::vector<double>{1, 1}), 1.0);
}

}  // namespace
}  // namespace braggbench
