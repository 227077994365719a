#include "classifiers/metric_comparison.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "classifiers/metric_confusion.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

TEST(MetricConfusion, ScoresOfAClassByHand) {
    // Class 0: 6 of 8 found, 7 called; class 1: 1 of 2 found, 3 called; class 2 neither occurs nor is called.
    const Confusion confusion = {{6, 2, 0}, {1, 1, 0}, {0, 0, 0}};
    const auto scores = confusion_scores(confusion, 1, std::vector{0.5, 0.25, 0.25});
    EXPECT_DOUBLE_EQ(*scores.accuracy.value, 0.7);
    EXPECT_DOUBLE_EQ(*scores.accuracy.chance, 0.8);  // of always class 0
    EXPECT_DOUBLE_EQ(*scores.balanced_accuracy.chance, 0.5);
    EXPECT_DOUBLE_EQ(*scores.classes[0].precision.value, 6.0 / 7);
    EXPECT_DOUBLE_EQ(*scores.classes[0].precision.chance, 0.8);
    EXPECT_DOUBLE_EQ(*scores.classes[1].recall.value, 0.5);
    EXPECT_DOUBLE_EQ(*scores.classes[1].recall.chance, 0.25);
    EXPECT_DOUBLE_EQ(*scores.classes[1].f1.value, 0.4);
    EXPECT_FALSE(scores.classes[2].precision.value || scores.classes[2].recall.value || scores.classes[2].f1.value);
    EXPECT_DOUBLE_EQ(*scores.macro_f1.value, (12.0 / 15 + 0.4) / 2);
    ASSERT_TRUE(scores.macro_f1.ci95.has_value());
    EXPECT_LT((*scores.macro_f1.ci95)[0], *scores.macro_f1.value);
    EXPECT_THROW(confusion_scores(confusion, 1, std::vector{1.0}), UsageError);
    EXPECT_FALSE(confusion_scores({{0, 0}, {0, 0}}, 1).accuracy.value.has_value());
}

TEST(MetricConfusion, KappaCountsTheDistanceOfOrderedClasses) {
    // Always one class off:
    const Confusion near = {{0, 10, 0}, {0, 0, 10}, {0, 10, 0}};
    // support 10, 10, 10; called 0, 20, 10: expected = 10 (20 + 40) + 10 * 10 + 10 * 20 = 900; observed 30 of 30.
    EXPECT_DOUBLE_EQ(*quadratic_weighted_kappa(near), 1.0 - 30.0 * 30.0 / 900.0);
    EXPECT_DOUBLE_EQ(*quadratic_weighted_kappa({{4, 0}, {0, 6}}), 1.0);
    EXPECT_FALSE(quadratic_weighted_kappa({{4, 0}, {0, 0}}).has_value());
}

TEST(MetricConfusion, F1OfAllRightHasAnInterval) {
    const auto f1 = f1_score(20, 20, 20);
    EXPECT_EQ(*f1.value, 1.0);
    // Wilson of 20 of 20: 0.8388748.
    EXPECT_NEAR((*f1.ci95)[0], 2 * 0.8388748 / 1.8388748, 1e-6);
    EXPECT_EQ((*f1.ci95)[1], 1.0);
    EXPECT_EQ(*f1_score(0, 3, 0).value, 0.0);
    EXPECT_FALSE(f1_score(0, 0, 0).value.has_value());
}

TEST(MetricConfusion, ClassesMergeToHitAndMiss) {
    const Confusion confusion = {{5, 1, 0}, {2, 7, 3}, {0, 4, 9}};
    const std::vector<int> groups = {0, 1, 1};
    EXPECT_EQ(merge_classes(confusion, groups, 2), (Confusion{{5, 1}, {2, 23}}));
    EXPECT_EQ(merge_labels(std::vector{2, 0, 1}, groups, 2), (std::vector{1, 0, 1}));
    EXPECT_THROW(merge_classes(confusion, std::vector{0, 1}, 2), UsageError);
    EXPECT_THROW(merge_classes(confusion, std::vector{0, 1, 2}, 2), UsageError);
}

TEST(MetricComparison, McNemarIsTheFairCoins) {
    EXPECT_EQ(mcnemar_exact_p(0, 0), 1.0);
    EXPECT_EQ(mcnemar_exact_p(7, 7), 1.0);
    EXPECT_NEAR(mcnemar_exact_p(0, 5), 2.0 / 32, 1e-15);
    EXPECT_NEAR(mcnemar_exact_p(9, 1), 2.0 * (1 + 10) / 1024, 1e-15);
    EXPECT_EQ(mcnemar_exact_p(3, 40), mcnemar_exact_p(40, 3));
    EXPECT_GT(mcnemar_exact_p(0, 900), 0.0);
    EXPECT_THROW(mcnemar_exact_p(-1, 3), UsageError);
}

TEST(MetricComparison, HolmStepsDown) {
    // 0.01 * 4; 0.02 * 3; 0.03 * 2 = 0.06; 0.04 rises to 0.06.
    const auto adjusted = holm_adjusted(std::vector{0.04, 0.01, 0.03, 0.02});
    const std::vector<double> expected = {0.06, 0.04, 0.06, 0.06};
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-15);
    EXPECT_EQ(holm_adjusted(std::vector{0.7, 0.9}), (std::vector{1.0, 1.0}));
    EXPECT_THROW(holm_adjusted(std::vector{1.5}), UsageError);
}

TEST(MetricComparison, PairsOfModelsShareTheirImages) {
    std::vector<int> truth;
    ModelAnswers good{"good", {}};
    ModelAnswers bad{"bad", {}};
    ModelAnswers twin{"twin", {}};
    for (int i = 0; i < 200; ++i) {
        truth.push_back(i % 2);
        good.right.push_back(i % 10 != 0 ? 1 : 0);
        bad.right.push_back(i % 4 != 0 ? 1 : 0);
    }
    twin.right = good.right;
    const auto pairs = compare_models(truth, std::vector{good, bad, twin}, 1);
    ASSERT_EQ(pairs.size(), 3U);
    EXPECT_EQ(pairs[0].only_first_right, 40);  // multiples of 4 but not of 10
    EXPECT_EQ(pairs[0].only_second_right, 10);
    EXPECT_NEAR(*pairs[0].accuracy_difference.value, 0.15, 1e-12);
    EXPECT_GT((*pairs[0].accuracy_difference.ci95)[0], 0.05);
    EXPECT_LT((*pairs[0].accuracy_difference.ci95)[1], 0.25);
    EXPECT_LT(pairs[0].p, 1e-4);
    EXPECT_NEAR(pairs[0].p_holm, 3 * pairs[0].p, 1e-15);
    EXPECT_EQ(pairs[1].p, 1.0);  // good and twin
    EXPECT_THROW(compare_models(truth, std::vector{ModelAnswers{"short", {1}}}, 1), UsageError);
}

}  // namespace
}  // namespace braggbench
