#include "explain/explanation_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "explain/null_peaks.hpp"
#include "explain/overlay.hpp"

namespace braggbench {
namespace {

LocalisationScores scores_of(double slift, double p = 1.0 / 21.0) {
    LocalisationScores scores;
    scores.slift = slift;
    scores.slift_p = p;
    scores.sauc = 0.75;
    scores.lift = 2.0;
    scores.average_precision = 0.3;
    scores.peak_recall = 0.5;
    scores.peak_recall_chance = 0.1;
    scores.rho = 0.02;
    scores.null_slift = std::vector<double>(20, 0.9);
    return scores;
}

TEST(Estimate, MeanAndMedian) {
    const std::vector<Sample> samples{{0, 1.0}, {0, 2.0}, {1, 3.0}, {1, 10.0}};
    EXPECT_DOUBLE_EQ(*estimate(samples, Statistic::mean, 1).value, 4.0);
    EXPECT_DOUBLE_EQ(*estimate(samples, Statistic::median, 1).value, 2.5);
    EXPECT_DOUBLE_EQ(*estimate(std::span(samples).first(3), Statistic::median, 1).value, 2.0);
}

TEST(Estimate, NothingGivesNothing) {
    EXPECT_FALSE(estimate({}, Statistic::mean, 1).value);
    const std::vector<Sample> one{{0, 1.0}};
    EXPECT_TRUE(estimate(one, Statistic::mean, 1).value);
    EXPECT_FALSE(estimate(one, Statistic::mean, 1).ci95);
}

TEST(Estimate, IntervalOfAMeanIsTheNormalOne) {
    // 400 values, half 0 and half 1: standard error 0.025, so the interval is 0.5 +- 0.049.
    std::vector<Sample> samples;
    for (int i = 0; i < 400; ++i) {
        samples.push_back({0, static_cast<double>(i % 2)});
    }
    const Estimate result = estimate(samples, Statistic::mean, 1);
    EXPECT_NEAR((*result.ci95)[0], 0.451, 0.008);
    EXPECT_NEAR((*result.ci95)[1], 0.549, 0.008);
}

TEST(Estimate, ResamplesWithinClasses) {
    // Each class is constant: resampling within classes cannot change the mean, resampling across them would.
    std::vector<Sample> samples;
    for (int i = 0; i < 40; ++i) {
        samples.push_back({i % 2, i % 2 == 0 ? 1.0 : 5.0});
    }
    const Estimate result = estimate(samples, Statistic::mean, 3);
    EXPECT_DOUBLE_EQ((*result.ci95)[0], 3.0);
    EXPECT_DOUBLE_EQ((*result.ci95)[1], 3.0);
}

TEST(Estimate, IsKeyedByTheSeed) {
    std::vector<Sample> samples;
    for (int i = 0; i < 30; ++i) {
        samples.push_back({0, static_cast<double>(i * i)});
    }
    EXPECT_EQ(estimate(samples, Statistic::mean, 1).ci95, estimate(samples, Statistic::mean, 1).ci95);
    EXPECT_NE(estimate(samples, Statistic::mean, 1).ci95, estimate(samples, Statistic::mean, 2).ci95);
}

TEST(RowJson, CountsWhatIsScoredZeroAndUndefined) {
    MapRow row{{"hires_cam", "stage1", "attribution", 2.0}, {}};
    LocalisationScores zero;
    zero.status = MapStatus::all_zero;
    row.images = {{0, true, false, zero},
                  {1, true, true, scores_of(2.0)},
                  {1, false, true, scores_of(4.0)},
                  {1, true, true, zero},
                  {2, true, true, scores_of(9.0, 0.5)}};
    const nlohmann::json json = row_json(row, {"blank", "weak", "strong"}, 1);
    EXPECT_EQ(json.at("images"), 3);
    EXPECT_EQ(json.at("zero_maps"), 1);
    EXPECT_EQ(json.at("images_without_peaks"), 1);
    EXPECT_EQ(json.at("zero_maps_without_peaks"), 1);
    EXPECT_DOUBLE_EQ(json.at("slift").at("value"), 4.0);
    EXPECT_DOUBLE_EQ(json.at("slift").at("chance"), 1.0);
    EXPECT_DOUBLE_EQ(json.at("null_slift_median"), 0.9);
    EXPECT_DOUBLE_EQ(json.at("null_slift_p95"), 0.9);
    EXPECT_DOUBLE_EQ(json.at("significant").at("value"), 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(json.at("significant").at("chance"), 1.0 / 21.0);
    EXPECT_DOUBLE_EQ(json.at("sauc").at("chance"), 0.5);
    EXPECT_DOUBLE_EQ(json.at("average_precision").at("chance"), 0.02);
    EXPECT_DOUBLE_EQ(json.at("peak_recall").at("chance"), 0.1);
    EXPECT_TRUE(json.at("oracle_slift").is_null());
    EXPECT_TRUE(json.at("ceiling_fraction").at("value").is_null());
    ASSERT_EQ(json.at("by_class").size(), 2U);
    EXPECT_EQ(json.at("by_class")[0].at("name"), "weak");
    EXPECT_EQ(json.at("by_class")[0].at("images"), 2);
    EXPECT_DOUBLE_EQ(json.at("by_class")[0].at("sauc").at("value"), 0.75);
    EXPECT_DOUBLE_EQ(json.at("by_class")[1].at("peak_recall").at("chance"), 0.1);
    EXPECT_TRUE(json.at("by_class")[1].at("ceiling_fraction").at("value").is_null());
    EXPECT_EQ(json.at("by_prediction")[1].at("name"), "wrong");
    EXPECT_EQ(json.at("by_prediction")[1].at("images"), 1);
    EXPECT_DOUBLE_EQ(json.at("by_prediction")[1].at("slift").at("value"), 4.0);
}

TEST(RowJson, ARowWithoutScoresIsNullNotZero) {
    const MapRow row{{"grad_cam", "stage1", "attribution", 2.0}, {{0, true, false, {}}}};
    const nlohmann::json json = row_json(row, {"blank"}, 1);
    for (const char* key : {"slift", "sauc", "lift", "average_precision", "peak_recall", "significant"}) {
        EXPECT_TRUE(json.at(key).at("value").is_null()) << key;
    }
}

TEST(ChooseImages, TakesUpToSoManyOfEveryClass) {
    std::vector<std::int32_t> classes;
    std::vector<Split> splits;
    for (int i = 0; i < 100; ++i) {
        classes.push_back(i % 10 == 0 ? 1 : 0);
        splits.push_back(i < 50 ? Split::test : Split::train);
    }
    const auto chosen = choose_images(classes, splits, Split::test, 8, 1);
    EXPECT_EQ(chosen.size(), 13U);  // 8 of class 0 and all 5 of class 1
    EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
    EXPECT_LT(chosen.back(), 50);
    EXPECT_EQ(chosen, choose_images(classes, splits, Split::test, 8, 1));
    EXPECT_NE(chosen, choose_images(classes, splits, Split::test, 8, 2));
    EXPECT_TRUE(choose_images(classes, splits, Split::validation, 8, 1).empty());
}

TEST(ChooseNulls, OtherImagesOfTheClassWithPeaksAndOfTheSplitFirst) {
    std::vector<std::int32_t> classes;
    std::vector<Split> splits;
    for (int i = 0; i < 60; ++i) {
        classes.push_back(i % 2);
        splits.push_back(i < 20 ? Split::test : Split::train);
    }
    const auto has_peaks = [](std::int64_t image) { return image % 3 != 0; };
    const auto nulls = choose_nulls(4, classes, splits, 10, 1, has_peaks);
    ASSERT_EQ(nulls.size(), 10U);
    EXPECT_EQ(std::set<std::int64_t>(nulls.begin(), nulls.end()).size(), 10U);
    int of_split = 0;
    for (const std::int64_t null : nulls) {
        EXPECT_NE(null, 4);
        EXPECT_EQ(null % 2, 0);
        EXPECT_NE(null % 3, 0);
        of_split += null < 20 ? 1 : 0;
    }
    EXPECT_EQ(of_split, 5);  // 2, 8, 10, 14, 16
    EXPECT_EQ(nulls, choose_nulls(4, classes, splits, 10, 1, has_peaks));
    EXPECT_TRUE(choose_nulls(4, classes, splits, 10, 1, [](std::int64_t) { return false; }).empty());
}

TEST(Overlay, ShowsEveryClassInTurn) {
    MapRow row{{"hires_cam", "stage1", "attribution", 2.0}, {}};
    row.images = {{0, true, false, {}},
                  {1, true, true, scores_of(2.0)},
                  {1, true, true, scores_of(2.0)},
                  {2, true, true, scores_of(2.0)},
                  {2, true, true, {}}};
    EXPECT_EQ(choose_shown(row, 2), (std::vector<std::size_t>{1, 3}));
    EXPECT_EQ(choose_shown(row, 9), (std::vector<std::size_t>{1, 3, 2}));
    EXPECT_TRUE(choose_shown(row, 0).empty());
}

TEST(Overlay, DrawsTheBestHiResCamAndTheLastGradCam) {
    const std::vector<MapRow> rows{{{"grad_cam", "stage1", "attribution", 2.0}, {}},
                                   {{"hires_cam", "stage1", "attribution", 2.0}, {}},
                                   {{"grad_cam", "stage2", "attribution", 4.0}, {}},
                                   {{"hires_cam", "stage2", "attribution", 4.0}, {}},
                                   {{"hires_cam", "stage1", "untrained", 2.0}, {}}};
    nlohmann::json objects = nlohmann::json::array();
    for (const double slift : {9.0, 5.0, 8.0, 3.0, 20.0}) {
        objects.push_back({{"slift", {{"value", slift}}}});
    }
    EXPECT_EQ(rows_to_draw(rows, objects), (std::vector<std::size_t>{1, 2}));
}

}  // namespace
}  // namespace braggbench
