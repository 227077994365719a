#include "explain/inside/inversion_rows.hpp"

#include <gtest/gtest.h>

namespace braggbench {
namespace {

ScoredInversion scored(double tv_weight, int start, double error, double recall, std::vector<double> nulls) {
    ScoredInversion result;
    result.inversion.tv_weight = tv_weight;
    result.inversion.start = start;
    result.inversion.feature_error = error;
    result.inversion.photons = Image<float>(4, 4, 1.0F);
    result.correlation = 0.5;
    result.recall = SpotRecall{recall, std::move(nulls)};
    return result;
}

TEST(InversionRows, AverageStartsThenImages) {
    InvertedStage one{3, 0, "trained", "stage1", {}, SpotRecall{0.9, {0.1, 0.1, 0.1}}};
    one.inversions = {scored(0.0, 0, 0.1, 0.8, {0.2, 0.0, 0.1}), scored(0.0, 1, 0.3, 0.6, {0.2, 0.2, 0.1}),
                      scored(1.0, 0, 0.5, 0.2, {0.2, 0.2, 0.3})};
    InvertedStage other = one;
    other.image = 5;
    other.inversions = {scored(0.0, 0, 0.4, 0.5, {0.9, 0.1, 0.0}), scored(1.0, 0, 0.5, 0.2, {0.1, 0.2, 0.3})};
    const auto rows = inversion_rows({one, other}, 1);
    ASSERT_EQ(rows.size(), 2U);
    const auto& row = rows[0];
    EXPECT_EQ(row.at("images"), 2);
    EXPECT_NEAR(row.at("feature_error").at("value").get<double>(), 0.3, 1e-12);
    EXPECT_NEAR(row.at("spot_recall").at("value").get<double>(), 0.6, 1e-12);
    // Nulls of the images: 0.2, 0.1, 0.1 and 0.9, 0.1, 0.
    EXPECT_NEAR(row.at("spot_recall").at("chance").get<double>(), (0.4 / 3.0 + 1.0 / 3.0) / 2.0, 1e-12);
    // Together 1.1, 0.2 and 0.1 against 1.2.
    EXPECT_NEAR(row.at("spot_recall_p").get<double>(), 0.25, 1e-12);
    EXPECT_NEAR(row.at("true_spot_recall").at("value").get<double>(), 0.9, 1e-12);
    EXPECT_NEAR(rows[1].at("spot_recall_p").get<double>(), 0.75, 1e-12);
}

TEST(InversionRows, WhatIsUndefinedStaysSo) {
    InvertedStage dead{3, 0, "trained", "stage1", {}, std::nullopt};
    ScoredInversion fault = scored(0.0, 0, 0.0, 0.0, {});
    fault.inversion.status = InversionStatus::empty;
    fault.recall.reset();
    dead.inversions = {fault};
    InvertedStage blank = dead;
    blank.stage = "stage2";
    blank.inversions = {scored(0.0, 0, 0.1, 0.0, {})};
    blank.inversions[0].recall.reset();
    const auto rows = inversion_rows({dead, blank}, 1);
    EXPECT_TRUE(rows[0].at("feature_error").at("value").is_null());
    EXPECT_EQ(rows[0].at("inverted_images"), 0);
    EXPECT_EQ(rows[0].at("faults")[0], "empty");
    EXPECT_EQ(rows[1].at("inverted_images"), 1);
    EXPECT_EQ(rows[1].at("images_without_peaks"), 1);
    EXPECT_TRUE(rows[1].at("spot_recall").at("value").is_null());
    EXPECT_TRUE(rows[1].at("spot_recall_p").is_null());
}

TEST(InversionPicture, HasARowForEveryStage) {
    const Image<float> photons(8, 8, 1.0F);
    InvertedStage stage{3, 0, "trained", "stage1", {}, std::nullopt};
    stage.inversions = {scored(0.0, 0, 0.1, 0.0, {}), scored(1.0, 0, 0.1, 0.0, {})};
    for (auto& inversion : stage.inversions) inversion.inversion.photons = photons;
    const Picture one = inversion_picture(photons, "image 3", {&stage});
    const Picture two = inversion_picture(photons, "image 3", {&stage, &stage});
    EXPECT_EQ(one.width, two.width);
    EXPECT_GT(one.width, 2 * 192);
    EXPECT_GT(two.height - one.height, 192);
}

}  // namespace
}  // namespace braggbench
