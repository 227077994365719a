#include "classifiers/baselines.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

const Metric& level(const std::vector<ChanceLevel>& levels, const std::string& name) {
    return std::find_if(levels.begin(), levels.end(), [&](const ChanceLevel& l) { return l.name == name; })->accuracy;
}

TEST(IntervalClassifier, FindsClassesThatComeBackAlongTheScale) {
    // Class 0 below 1 and above 2, class 1 between: no single threshold can do it.
    std::vector<double> values;
    std::vector<int> labels;
    RandomStream random(1, 0, Stage::labels);
    for (int i = 0; i < 600; ++i) {
        values.push_back(random.uniform(0.0, 3.0));
        labels.push_back(values.back() >= 1.0 && values.back() < 2.0 ? 1 : 0);
    }
    const auto rule = IntervalClassifier::fit(values, labels, 2, 1);
    ASSERT_EQ(rule.thresholds().size(), 2U);
    EXPECT_NEAR(rule.thresholds()[0], 1.0, 0.02);
    EXPECT_NEAR(rule.thresholds()[1], 2.0, 0.02);
    EXPECT_EQ(rule.classify(-5.0), 0);
    EXPECT_EQ(rule.classify(1.5), 1);
    EXPECT_EQ(rule.classify(9.0), 0);
}

TEST(IntervalClassifier, ReachesTheBayesRateOfTwoNormals) {
    // Means 0 and 2, unit sigma, equally often: the best threshold is 1 and is right in Phi(1) = 84.1 % of cases.
    RandomStream random(2, 0, Stage::labels);
    std::vector<double> values;
    std::vector<int> labels;
    for (int i = 0; i < 4000; ++i) {
        labels.push_back(i % 2);
        values.push_back(random.normal() + 2.0 * labels.back());
    }
    const auto rule = IntervalClassifier::fit(std::span(values).first(2000), std::span(labels).first(2000), 2, 1);
    int right = 0;
    for (std::size_t i = 2000; i < 4000; ++i) right += rule.classify(values[i]) == labels[i] ? 1 : 0;
    EXPECT_NEAR(right / 2000.0, 0.841, 0.025);
}

TEST(IntervalClassifier, ValuesThatAreAllEqualGiveTheMajority) {
    const std::vector<double> values(9, 7.0);
    const std::vector<int> labels = {2, 2, 2, 2, 2, 0, 0, 1, 1};
    const auto rule = IntervalClassifier::fit(values, labels, 3, 1);
    EXPECT_TRUE(rule.thresholds().empty());
    EXPECT_EQ(rule.classify(7.0), 2);
    EXPECT_EQ(rule.classify(-1.0), 2);
    EXPECT_THROW(IntervalClassifier::fit({}, {}, 3, 1), UsageError);
}

TEST(Baselines, GuessesHaveTheirExpectedAccuracy) {
    // Train shares 0.5, 0.3, 0.2; test shares 0.25, 0.25, 0.5.
    std::vector<int> train(10, 0);
    std::fill(train.begin() + 5, train.begin() + 8, 1);
    std::fill(train.begin() + 8, train.end(), 2);
    const std::vector<int> test = {0, 1, 2, 2};
    const std::vector<ImageSummary> train_images(train.size());
    const std::vector<ImageSummary> test_images(test.size());
    const auto levels = chance_levels(train, train_images, test, test_images, 3, 1);
    EXPECT_DOUBLE_EQ(*level(levels, "majority").value, 0.25);
    EXPECT_DOUBLE_EQ(*level(levels, "prior").value, 0.25);
    EXPECT_DOUBLE_EQ(*level(levels, "stratified").value, 0.5 * 0.25 + 0.3 * 0.25 + 0.2 * 0.5);
    EXPECT_DOUBLE_EQ(*level(levels, "uniform").value, 1.0 / 3.0);
    // Images that are all alike leave only the majority.
    EXPECT_DOUBLE_EQ(*level(levels, "total_intensity").value, 0.25);
    EXPECT_DOUBLE_EQ(*level(levels, "spot_count").chance, 0.25);
}

TEST(Baselines, EachNumberIsUsedAlone) {
    // The label is in the intensity; the spot count says nothing.
    std::vector<int> labels;
    std::vector<ImageSummary> images;
    for (int i = 0; i < 100; ++i) {
        labels.push_back(i % 2);
        images.push_back({1000.0 * (i % 2) + i, 3.0});
    }
    const auto levels = chance_levels(labels, images, labels, images, 2, 1);
    EXPECT_DOUBLE_EQ(*level(levels, "total_intensity").value, 1.0);
    EXPECT_DOUBLE_EQ(*level(levels, "spot_count").value, 0.5);
}

}  // namespace
}  // namespace braggbench
