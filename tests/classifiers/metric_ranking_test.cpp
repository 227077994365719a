#include "classifiers/metric_ranking.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/metric_calibration.hpp"
#include "classifiers/metric_regression.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

TEST(MetricRanking, ScoresByHand) {
    // Falling scores: 1, 0, {1, 0}, 1 (truths). Of 6 pairs the first 1 wins 2, the second half a one, the last none.
    const std::vector<int> truth = {1, 0, 1, 0, 1};
    const std::vector<double> scores = {0.9, 0.8, 0.5, 0.5, 0.1};
    const Ranking ranking(truth, scores);
    EXPECT_DOUBLE_EQ(*ranking.roc_auc(), 2.5 / 6);
    EXPECT_DOUBLE_EQ(*ranking.average_precision(), (1.0 + 2.0 / 4 + 3.0 / 5) / 3);
    const auto curve = ranking.roc_curve();
    ASSERT_EQ(curve.size(), 5U);
    EXPECT_EQ(curve.front().true_positive_rate, 0.0);
    EXPECT_EQ(curve.back().false_positive_rate, 1.0);
    const auto at_half = ranking.at_false_positive_rate(0.5);
    ASSERT_TRUE(at_half.has_value());
    EXPECT_DOUBLE_EQ(at_half->true_positive_rate, 1.0 / 3);
    EXPECT_EQ(at_half->threshold, 0.9);
    // Counting an image twice is having it twice.
    const std::vector<int> counts = {2, 0, 1, 1, 0};
    const Ranking drawn(std::vector{1, 1, 1, 0}, std::vector{0.9, 0.9, 0.5, 0.5});
    EXPECT_DOUBLE_EQ(*ranking.roc_auc(counts), *drawn.roc_auc());
    EXPECT_DOUBLE_EQ(*ranking.average_precision(counts), *drawn.average_precision());
}

TEST(MetricRanking, UndefinedStaysUndefined) {
    EXPECT_FALSE(roc_auc(std::vector{1, 1}, std::vector{0.1, 0.2}).value.has_value());
    EXPECT_FALSE(average_precision(std::vector{0, 0}, std::vector{0.1, 0.2}, 1).value.has_value());
    EXPECT_FALSE(Ranking({}, {}).roc_auc().has_value());
    EXPECT_TRUE(Ranking({}, {}).roc_curve().empty());
    EXPECT_THROW(Ranking(std::vector{1, 0}, std::vector{0.1}), UsageError);
    EXPECT_THROW(Ranking(std::vector{1, 2}, std::vector{0.1, 0.2}), UsageError);
    EXPECT_THROW(Ranking(std::vector{1, 0}, std::vector{0.1, std::nan("")}), UsageError);
}

TEST(MetricRanking, IntervalsCoverTheTruth) {
    // Normal scores, one standard deviation apart: AUC = Phi(1 / sqrt 2) = 0.7602.
    int covered = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        RandomStream random(seed, 0, Stage::scene);
        std::vector<int> truth;
        std::vector<double> scores;
        for (int i = 0; i < 120; ++i) {
            truth.push_back(i % 2);
            scores.push_back(random.normal() + truth.back());
        }
        const auto auc = roc_auc(truth, scores);
        EXPECT_EQ(*auc.chance, 0.5);
        covered += (*auc.ci95)[0] < 0.7602 && 0.7602 < (*auc.ci95)[1] ? 1 : 0;
    }
    EXPECT_GE(covered, 16);  // 19 expected
}

TEST(MetricRanking, MeansAreOverDefinedClasses) {
    const std::vector<int> truth = {0, 0, 2, 2};
    const std::vector<std::vector<double>> scores = {{.8, .1, .1}, {.3, .3, .4}, {.2, .1, .7}, {.6, .2, .2}};
    const auto result = one_versus_rest(truth, scores, 3, 1);
    EXPECT_FALSE(result.roc_auc[1].value.has_value());
    EXPECT_DOUBLE_EQ(*result.roc_auc[0].value, 0.75);
    EXPECT_DOUBLE_EQ(*result.mean_roc_auc.value, 0.75);
    EXPECT_DOUBLE_EQ(*result.mean_average_precision.chance, 0.5);
    EXPECT_THROW(one_versus_rest(truth, scores, 2, 1), UsageError);
}

TEST(MetricBootstrap, DrawsWithinStrataAndRefusesTooFew) {
    const std::vector<int> strata = {0, 0, 0, 1, 4};
    bootstrap_ci95(
        strata,
        [&](std::span<const int> counts) -> std::optional<double> {
            EXPECT_EQ(counts[0] + counts[1] + counts[2], 3);
            EXPECT_EQ(counts[3], 1);
            EXPECT_EQ(counts[4], 1);
            return counts[0];
        },
        1);
    EXPECT_THROW(bootstrap_ci95(
                     strata, [](std::span<const int>) { return std::optional(1.0); }, 1, 100),
                 UsageError);
}

TEST(MetricCalibration, ErrorOfABiasedModelIsItsBias) {
    RandomStream random(1, 0, Stage::scene);
    std::vector<double> confidences;
    std::vector<int> honest;
    std::vector<int> boastful;
    for (int i = 0; i < 20000; ++i) {
        confidences.push_back(random.uniform(0.5, 1.0));
        honest.push_back(random.uniform() < confidences.back() ? 1 : 0);
        boastful.push_back(random.uniform() < confidences.back() - 0.2 ? 1 : 0);
    }
    const auto calibrated = expected_calibration_error(confidences, honest, 1);
    // No worse than chance: 8 bins of 2500 answers scatter by 0.008 each.
    EXPECT_LT(*calibrated.value, 0.015);
    EXPECT_NEAR(*calibrated.value, *calibrated.chance, 0.006);
    const auto biased = expected_calibration_error(confidences, boastful, 1);
    EXPECT_NEAR(*biased.value, 0.2, 0.015);
    EXPECT_LT((*biased.ci95)[0], *biased.value);
    EXPECT_FALSE(expected_calibration_error({}, {}, 1).value.has_value());
    EXPECT_THROW(reliability_curve(std::vector{1.2}, std::vector{1}), UsageError);
}

TEST(MetricRegression, ScoresByHand) {
    const auto scores = regression_scores(std::vector{1.0, 2.0, 6.0}, std::vector{1.0, 3.0, 4.0}, 1);
    EXPECT_DOUBLE_EQ(*scores.mean_absolute_error.value, 1.0);
    EXPECT_DOUBLE_EQ(*scores.mean_absolute_error.chance, 5.0 / 3);  // always 2, the median
    EXPECT_DOUBLE_EQ(*scores.root_mean_square.value, std::sqrt(5.0 / 3));
    EXPECT_DOUBLE_EQ(*scores.root_mean_square.chance, std::sqrt(14.0 / 3));  // always 3, the mean
    EXPECT_DOUBLE_EQ(*scores.r_squared.value, 1.0 - 5.0 / 14);
    EXPECT_FALSE(regression_scores(std::vector{2.0, 2.0}, std::vector{1.0, 2.0}, 1).r_squared.value.has_value());
    EXPECT_FALSE(regression_scores({}, {}, 1).mean_absolute_error.value.has_value());
    EXPECT_THROW(regression_scores(std::vector{1.0}, std::vector{std::numeric_limits<double>::infinity()}, 1),
                 UsageError);
}

}  // namespace
}  // namespace braggbench
