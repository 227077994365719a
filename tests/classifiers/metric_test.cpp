#include "classifiers/metric.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// From scikit-learn 1.2.1, with t and p the labels that this matrix counts:
//   accuracy_score(t, p), balanced_accuracy_score(t, p), matthews_corrcoef(t, p)
const Confusion three_classes = {{50, 3, 0}, {5, 30, 5}, {0, 2, 5}};

TEST(Metric, ScoresAgreeWithScikitLearn) {
    EXPECT_NEAR(*accuracy(three_classes), 0.85, 1e-12);
    EXPECT_NEAR(*balanced_accuracy(three_classes), 0.8025606469002695, 1e-12);
    EXPECT_NEAR(*matthews_correlation(three_classes), 0.7353809154736718, 1e-12);
}

// statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson") and so on.
TEST(Metric, WilsonIntervalAgreesWithPublishedValues) {
    const auto eight_of_ten = wilson_ci95(8, 10);
    EXPECT_NEAR(eight_of_ten[0], 0.4901625, 1e-6);
    EXPECT_NEAR(eight_of_ten[1], 0.9433178, 1e-6);
    EXPECT_EQ(wilson_ci95(0, 20)[0], 0.0);
    EXPECT_NEAR(wilson_ci95(0, 20)[1], 0.1611252, 1e-6);
    EXPECT_EQ(wilson_ci95(20, 20)[1], 1.0);
    EXPECT_EQ(wilson_ci95(0, 0), (std::array{0.0, 1.0}));
    EXPECT_THROW(wilson_ci95(3, 2), UsageError);
}

TEST(Metric, ConfusionHasTrueClassesInRows) {
    const std::vector<int> truth = {0, 0, 1, 2};
    const std::vector<int> predicted = {0, 1, 1, 0};
    EXPECT_EQ(confusion_matrix(truth, predicted, 3), (Confusion{{1, 1, 0}, {0, 1, 0}, {1, 0, 0}}));
    EXPECT_THROW(confusion_matrix(truth, std::vector<int>{0}, 3), UsageError);
    EXPECT_THROW(confusion_matrix(truth, predicted, 2), UsageError);
}

TEST(Metric, WhatIsUndefinedIsNull) {
    EXPECT_FALSE(accuracy({{0, 0}, {0, 0}}).has_value());
    EXPECT_FALSE(matthews_correlation({{4, 0}, {3, 0}}).has_value());  // one class predicted
    EXPECT_EQ(*balanced_accuracy({{4, 0}, {0, 0}}), 1.0);              // an absent class takes no part
    const nlohmann::json json = proportion(0, 0, 0.25);
    EXPECT_TRUE(json.at("value").is_null());
    EXPECT_TRUE(json.at("ci95").is_null());
    EXPECT_EQ(json.at("chance"), 0.25);
}

TEST(Metric, BootstrapOfAccuracyIsCloseToWilson) {
    const Confusion confusion = {{160, 40}, {40, 160}};
    const auto bootstrap = bootstrap_ci95(confusion, accuracy, 1);
    ASSERT_TRUE(bootstrap.has_value());
    const auto wilson = wilson_ci95(320, 400);
    EXPECT_NEAR((*bootstrap)[0], wilson[0], 0.01);
    EXPECT_NEAR((*bootstrap)[1], wilson[1], 0.01);
    EXPECT_EQ(*bootstrap, *bootstrap_ci95(confusion, accuracy, 1));
    EXPECT_NE(*bootstrap_ci95(confusion, matthews_correlation, 1), *bootstrap_ci95(confusion, matthews_correlation, 2));
}

TEST(Metric, BootstrapKeepsTheClassesSizes) {
    // The recall of a class of one image, found, is 1 in every resample; without strata the class would often be
    // missing.
    std::int64_t smallest = 1;
    const auto interval = bootstrap_ci95(
        {{1, 0}, {10, 40}},
        [&](const Confusion& resample) {
            smallest = std::min(smallest, resample[0][0]);
            return balanced_accuracy(resample);
        },
        1);
    EXPECT_EQ(smallest, 1);
    ASSERT_TRUE(interval.has_value());
    EXPECT_LT((*interval)[0], 0.9);
    EXPECT_GT((*interval)[1], 0.9);
}

TEST(Metric, BootstrapWithoutSpreadIsAbsent) {
    EXPECT_FALSE(bootstrap_ci95({{5, 0}, {0, 5}}, accuracy, 1).has_value());              // perfect
    EXPECT_FALSE(bootstrap_ci95({{5, 0}, {5, 0}}, matthews_correlation, 1).has_value());  // never defined
}

}  // namespace
}  // namespace braggbench
