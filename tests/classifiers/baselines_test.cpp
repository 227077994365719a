#include "classifiers/baselines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "classifiers/interval_classifier.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/radial_forest.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

const ChanceLevel& level(const std::vector<ChanceLevel>& levels, const std::string& name) {
    return *std::find_if(levels.begin(), levels.end(), [&](const ChanceLevel& l) { return l.name == name; });
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

TEST(IntervalClassifier, FittedForBalancedAccuracyItCallsWhatIsRare) {
    // One in ten is of class 1, mixed with as many of class 0 above 2: most often right is "never", mean recall says
    // otherwise.
    std::vector<double> values;
    std::vector<int> labels;
    for (int i = 0; i < 1000; ++i) {
        const bool rare = i % 10 == 0;
        labels.push_back(rare ? 1 : 0);
        values.push_back(rare || i % 10 == 1 || i % 10 == 2 ? 2.5 + i * 1e-4 : 1.0 + i * 1e-4);
    }
    EXPECT_EQ(IntervalClassifier::fit(values, labels, 2, 1).classify(2.55), 0);
    const auto rule = IntervalClassifier::fit(values, labels, 2, 1, FittedFor::balanced_accuracy);
    EXPECT_EQ(rule.classify(1.05), 0);
    EXPECT_EQ(rule.classify(2.55), 1);
}

BaselineData data_of(const std::vector<int>& train, const std::vector<ImageSummary>& train_images,
                     const std::vector<int>& test, const std::vector<ImageSummary>& test_images,
                     const std::vector<std::string>& outputs) {
    return {train, train_images, test, test_images, outputs, 1};
}

TEST(Baselines, GuessesHaveTheirExpectedAccuracy) {
    // Train shares 0.5, 0.3, 0.2; test shares 0.25, 0.25, 0.5.
    std::vector<int> train(10, 0);
    std::fill(train.begin() + 5, train.begin() + 8, 1);
    std::fill(train.begin() + 8, train.end(), 2);
    const std::vector<int> test = {0, 1, 2, 2};
    const std::vector<ImageSummary> train_images(train.size());
    const std::vector<ImageSummary> test_images(test.size());
    const auto levels = chance_levels(data_of(train, train_images, test, test_images, {"a", "b", "c"}));
    EXPECT_EQ(levels.size(), 10U);
    EXPECT_DOUBLE_EQ(*level(levels, "majority").accuracy.value, 0.25);
    EXPECT_DOUBLE_EQ(*level(levels, "majority").balanced_accuracy.value, 1.0 / 3.0);
    EXPECT_EQ(level(levels, "majority").accuracy.ci95, wilson_ci95(1, 4));
    EXPECT_DOUBLE_EQ(*level(levels, "prior").accuracy.value, 0.25);
    const auto& stratified = level(levels, "stratified");
    EXPECT_DOUBLE_EQ(*stratified.accuracy.value, 0.5 * 0.25 + 0.3 * 0.25 + 0.2 * 0.5);
    // Of four images with 0.5, 0.3, 0.2, 0.2: variance 0.015, so that the mean's deviation is sqrt(0.015 / 4).
    EXPECT_NEAR((*stratified.accuracy.ci95)[1] - 0.3, 1.96 * std::sqrt(0.015 / 4.0), 1e-4);
    EXPECT_DOUBLE_EQ(*level(levels, "uniform").accuracy.value, 1.0 / 3.0);
    EXPECT_DOUBLE_EQ(*level(levels, "constant_c").accuracy.value, 0.5);
    EXPECT_FALSE(level(levels, "constant_c").roc_auc);
    // Images that are all alike leave only the majority.
    EXPECT_DOUBLE_EQ(*level(levels, "total_intensity").accuracy.value, 0.25);
    EXPECT_DOUBLE_EQ(*level(levels, "spot_count").accuracy.chance, 0.25);
}

TEST(Baselines, EachNumberIsUsedAlone) {
    // The label is in the intensity, the wrong way round; the spot count says nothing; the profile says it too.
    std::vector<int> labels;
    std::vector<ImageSummary> images;
    for (int i = 0; i < 100; ++i) {
        labels.push_back(i % 2);
        const double total = 2000.0 - 1000.0 * (i % 2) + i;
        std::vector<float> profile(summary_rings, 1.0F);
        profile[20] = static_cast<float>(total);
        images.push_back({total, 3.0, profile});
    }
    const auto levels = chance_levels(data_of(labels, images, labels, images, {"false", "true"}));
    EXPECT_DOUBLE_EQ(*level(levels, "total_intensity").accuracy.value, 1.0);
    EXPECT_DOUBLE_EQ(*level(levels, "total_intensity").roc_auc->value, 1.0);
    EXPECT_DOUBLE_EQ(*level(levels, "spot_count").accuracy.value, 0.5);
    EXPECT_DOUBLE_EQ(*level(levels, "spot_count").roc_auc->value, 0.5);
    EXPECT_DOUBLE_EQ(*level(levels, "radial_profile").balanced_accuracy.value, 1.0);
    EXPECT_DOUBLE_EQ(*level(levels, "radial_profile").roc_auc->value, 1.0);
    EXPECT_DOUBLE_EQ(*level(levels, "majority").roc_auc->value, 0.5);
    const auto json = best_json(levels);
    EXPECT_EQ(json.at("accuracy").at("value"), 1.0);
    EXPECT_EQ(json.at("roc_auc").at("value"), 1.0);
}

TEST(Baselines, WithoutATrainSplitOnlyFixedGuessesAreDefined) {
    const std::vector<int> test = {0, 1, 1};
    const auto levels = chance_levels(data_of({}, {}, test, {}, {"false", "true"}));
    EXPECT_EQ(levels.size(), 6U);
    EXPECT_FALSE(level(levels, "majority").accuracy.value);
    EXPECT_FALSE(level(levels, "stratified").accuracy.value);
    EXPECT_DOUBLE_EQ(*level(levels, "uniform").accuracy.value, 0.5);
    EXPECT_DOUBLE_EQ(*level(levels, "constant_true").accuracy.value, 2.0 / 3.0);
}

TEST(Baselines, TheIntervalOfAMeanRecallIsWilsonsForOneClass) {
    EXPECT_NEAR((*recall_mean_ci95({{7, 3}, {0, 0}}))[0], wilson_ci95(7, 10)[0], 1e-12);
    EXPECT_NEAR((*recall_mean_ci95({{7, 3}, {0, 0}}))[1], wilson_ci95(7, 10)[1], 1e-12);
    // Two perfect classes alike: half a unit's lower ends, combined in squares.
    const double below = 1.0 - wilson_ci95(10, 10)[0];
    EXPECT_NEAR((*recall_mean_ci95({{10, 0}, {0, 10}}))[0], 1.0 - below / std::sqrt(2.0), 1e-12);
    EXPECT_FALSE(recall_mean_ci95({{0, 0}, {0, 0}}));
}

TEST(Baselines, NumbersAreGuessedByTheTrainSplitsMedianAndMean) {
    // Median 1, mean 2 of {0, 1, 5}; truths 1 and 3.
    const auto json = value_chance_json({{0.0, 1.0, 5.0}, {}, {1.0, 3.0}, {}, 1});
    EXPECT_DOUBLE_EQ(json.at("train_median").at("mean_absolute_error").at("value").get<double>(), 1.0);
    EXPECT_DOUBLE_EQ(json.at("train_mean").at("root_mean_square").at("value").get<double>(), 1.0);
    EXPECT_FALSE(json.contains("radial_profile"));
    EXPECT_TRUE(value_chance_json({{}, {}, {1.0}, {}, 1}).empty());
}

TEST(RadialForest, SeesARingAndIsTheSameTwice) {
    RandomStream random(3, 0, Stage::labels);
    std::vector<ImageSummary> images;
    std::vector<int> labels;
    std::vector<double> values;
    for (int i = 0; i < 300; ++i) {
        std::vector<float> profile;
        for (int r = 0; r < summary_rings; ++r) profile.push_back(static_cast<float>(random.normal()));
        labels.push_back(i % 3 == 0 ? 1 : 0);
        values.push_back(random.uniform(0.0, 10.0));
        profile[30] += 6.0F * static_cast<float>(labels.back());
        profile[40] = static_cast<float>(values.back());
        images.push_back({0.0, 0.0, profile});
    }
    const auto train = std::span(images).first(200);
    const auto test = std::span(images).subspan(200);
    const auto votes = forest_votes(train, std::span(labels).first(200), test, 3, 1);
    EXPECT_EQ(votes, forest_votes(train, std::span(labels).first(200), test, 3, 1));
    int right = 0;
    for (std::size_t i = 0; i < votes.size(); ++i) {
        EXPECT_EQ(votes[i][2], 0.0);
        EXPECT_NEAR(votes[i][0] + votes[i][1], 1.0, 1e-12);
        right += (votes[i][1] > votes[i][0]) == (labels[200 + i] == 1) ? 1 : 0;
    }
    EXPECT_GE(right, 95);
    const auto guessed = forest_values(train, std::span(values).first(200), test, 1);
    double error = 0.0;
    for (std::size_t i = 0; i < guessed.size(); ++i) error += std::abs(guessed[i] - values[200 + i]) / 100.0;
    EXPECT_LT(error, 1.5);  // 2.5 by the median
    EXPECT_THROW(forest_values({}, {}, test, 1), UsageError);
    const std::vector<int> same(200, 1);
    EXPECT_EQ(forest_votes(train, same, test, 3, 1).front(), (std::vector<double>{0.0, 1.0, 0.0}));
}

}  // namespace
}  // namespace braggbench
