#include "classifiers/evaluate.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "classifiers/peak_list.hpp"
#include "classifiers/strength_curves.hpp"
#include "simulator/error.hpp"
#include "tests/classifiers/labelled_corpus.hpp"

namespace braggbench {
namespace {

using nlohmann::json;
using test::LabelledImage;
constexpr auto unknown = ImageLabels::unknown;
constexpr float undefined = std::numeric_limits<float>::quiet_NaN();

class EvaluateTest : public testing::Test {
protected:
    ~EvaluateTest() override { std::filesystem::remove_all(directory); }

    CorpusReader write(const std::vector<LabelledImage>& images) {
        std::filesystem::create_directories(directory);
        return CorpusReader(test::write_labelled_corpus(directory / "corpus.h5", images));
    }

    static Predictions predictions_of(const CorpusReader& corpus, const std::vector<std::string>& heads,
                                      std::vector<std::vector<float>> scores) {
        Predictions predictions;
        predictions.model = "hand";
        predictions.heads = make_heads(heads, head_source(corpus));
        predictions.image_indices = corpus.indices(Split::test);
        predictions.scores = std::move(scores);
        return predictions;
    }

    static double value(const json& metric) { return metric.at("value").get<double>(); }
    static double chance(const json& metric) { return metric.at("chance").get<double>(); }

    const std::filesystem::path directory =
        std::filesystem::temp_directory_path() / ("braggbench-evaluate-" + std::to_string(getpid()) + "-" +
                                                  testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(EvaluateTest, ClassesAreScoredAndMergedToHits) {
    std::vector<LabelledImage> images;
    // Train: two blanks, one weak, one strong, told apart by their brightness.
    for (const int c : {0, 0, 1, 2}) {
        images.push_back({.class_index = c, .split = Split::train, .level = static_cast<std::uint16_t>(40 + 10 * c)});
    }
    for (const int c : {0, 0, 1, 2, 2}) {
        images.push_back({.class_index = c, .level = static_cast<std::uint16_t>(40 + 10 * c)});
    }
    const auto corpus = write(images);
    // Said: blank, strong (a false hit), strong (wrong class, right hit), strong, blank.
    const auto predictions = predictions_of(
        corpus, {"class"},
        {{0.8F, 0.1F, 0.1F}, {0.3F, 0.2F, 0.5F}, {0.1F, 0.4F, 0.5F}, {0.0F, 0.1F, 0.9F}, {0.6F, 0.3F, 0.1F}});
    const auto result = evaluation_json(predictions, corpus);
    EXPECT_EQ(result.at("command"), "evaluate");
    EXPECT_EQ(result.at("model"), "hand");
    EXPECT_EQ(result.at("images"), 5);
    EXPECT_EQ(result.at("baseline_train_images"), 4);
    const auto& task = result.at("tasks").at(0);
    EXPECT_EQ(task.at("head"), "class");
    EXPECT_EQ(task.at("kind"), "one_of_n");
    EXPECT_DOUBLE_EQ(value(task.at("accuracy")), 0.4);
    EXPECT_DOUBLE_EQ(chance(task.at("accuracy")), 0.4);  // blank, the most frequent of the train split
    EXPECT_DOUBLE_EQ(value(task.at("balanced_accuracy")), (0.5 + 0.0 + 0.5) / 3.0);
    EXPECT_EQ(task.at("confusion"), json({{1, 0, 1}, {0, 0, 1}, {1, 0, 1}}));
    EXPECT_EQ(task.at("classes").at(1).at("name"), "weak");
    EXPECT_DOUBLE_EQ(value(task.at("classes").at(2).at("precision")), 1.0 / 3.0);
    // Weak against the rest: 0.4 is above all others.
    EXPECT_DOUBLE_EQ(value(task.at("classes").at(1).at("roc_auc")), 1.0);
    EXPECT_EQ(task.at("chance_levels").size(), 10U);
    EXPECT_DOUBLE_EQ(value(task.at("chance_levels").at("constant_strong").at("accuracy")), 0.4);
    // Confidences 0.8 right, 0.5 wrong, 0.5 wrong, 0.9 right, 0.6 wrong, each in a bin of its own but the 0.5.
    const auto& calibration = task.at("calibration");
    EXPECT_NEAR(value(calibration.at("expected_calibration_error")), (0.2 + 2 * 0.5 + 0.1 + 0.6) / 5.0, 1e-6);
    EXPECT_EQ(calibration.at("bins").size(), 15U);

    const auto& hit = task.at("hit");
    EXPECT_DOUBLE_EQ(value(hit.at("accuracy")), 0.6);
    EXPECT_EQ(hit.at("confusion"), json({{1, 1}, {1, 2}}));
    EXPECT_DOUBLE_EQ(value(hit.at("balanced_accuracy")), (0.5 + 2.0 / 3.0) / 2.0);
    // Hits 0.9, 1.0, 0.4 against misses 0.2, 0.7: five of six pairs are in order.
    EXPECT_DOUBLE_EQ(value(hit.at("roc_auc")), 5.0 / 6.0);
    EXPECT_EQ(hit.at("roc").size(), 6U);
    EXPECT_EQ(hit.at("roc").at(0).at("threshold"), nullptr);
    EXPECT_DOUBLE_EQ(hit.at("roc").at(2).at("true_positive_rate").get<double>(), 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(value(hit.at("at_false_positive_rates").at(1).at("true_positive_rate")), 2.0 / 3.0);
    EXPECT_TRUE(hit.at("chance_levels").contains("constant_hit"));
    EXPECT_EQ(evaluation_json(predictions, corpus, {.threads = 2}),
              evaluation_json(predictions, corpus, {.threads = 1}));
}

TEST_F(EvaluateTest, LabelsAreScoredEachByItselfAndUnknownOnesLeftOut) {
    std::vector<LabelledImage> images;
    for (int i = 0; i < 8; ++i) {
        images.push_back({.split = Split::train,
                          .attributes = {static_cast<std::uint8_t>(i < 2 ? 1 : 0), static_cast<std::uint8_t>(i % 2)}});
    }
    images.push_back({.attributes = {1, 0}});
    images.push_back({.attributes = {0, 1}});
    images.push_back({.attributes = {0, unknown}});
    images.push_back({.attributes = {1, 1}});
    const auto corpus = write(images);
    const auto predictions =
        predictions_of(corpus, {"attributes"}, {{0.9F, 0.2F}, {0.6F, 0.7F}, {0.1F, 0.9F}, {0.8F, 0.4F}});
    const auto result = evaluation_json(predictions, corpus);
    const auto& task = result.at("tasks").at(0);
    EXPECT_EQ(task.at("kind"), "multi_label");
    const auto& ice = task.at("labels").at(0);
    EXPECT_EQ(ice.at("name"), "ice");
    EXPECT_EQ(ice.at("support"), 2);
    EXPECT_EQ(ice.at("unknown"), 0);
    EXPECT_EQ(ice.at("confusion"), json({{1, 1}, {0, 2}}));
    EXPECT_DOUBLE_EQ(value(ice.at("balanced_accuracy")), 0.75);
    EXPECT_DOUBLE_EQ(value(ice.at("precision")), 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(value(ice.at("recall")), 1.0);
    EXPECT_DOUBLE_EQ(value(ice.at("roc_auc")), 1.0);
    EXPECT_DOUBLE_EQ(chance(ice.at("accuracy")), 0.5);  // always false, as three of four train images
    EXPECT_DOUBLE_EQ(value(ice.at("chance_levels").at("stratified").at("accuracy")), 0.5);
    const auto& lattice = task.at("labels").at(1);
    EXPECT_EQ(lattice.at("images"), 3);
    EXPECT_EQ(lattice.at("unknown"), 1);
    EXPECT_EQ(lattice.at("confusion"), json({{1, 0}, {1, 1}}));
    EXPECT_DOUBLE_EQ(value(task.at("mean_average_precision")), 1.0);
    EXPECT_DOUBLE_EQ(chance(task.at("mean_average_precision")), (0.5 + 2.0 / 3.0) / 2.0);
    // The first is right in both; the second not in ice, the fourth not in multilattice; the third is not known.
    EXPECT_DOUBLE_EQ(value(task.at("exact_match")), 1.0 / 3.0);
    EXPECT_DOUBLE_EQ(chance(task.at("exact_match")), 0.0);  // the first of the most frequent in training, (0, 0)
}

TEST_F(EvaluateTest, NumbersAreScoredBesideTheTrainSplitsConstants) {
    std::vector<LabelledImage> images;
    for (const float mosaic : {0.0F, 1.0F, 5.0F}) images.push_back({.split = Split::train, .values = {mosaic}});
    for (const float mosaic : {1.0F, 3.0F, undefined}) images.push_back({.values = {mosaic}});
    const auto corpus = write(images);
    const auto result = evaluation_json(predictions_of(corpus, {"values"}, {{1.5F}, {2.5F}, {100.0F}}), corpus);
    const auto& mosaic = result.at("tasks").at(0).at("values").at(0);
    EXPECT_EQ(mosaic.at("name"), "mosaic1");
    EXPECT_EQ(mosaic.at("units"), "deg");
    EXPECT_EQ(mosaic.at("images"), 2);
    EXPECT_EQ(mosaic.at("unknown"), 1);
    EXPECT_DOUBLE_EQ(value(mosaic.at("mean_absolute_error")), 0.5);
    EXPECT_DOUBLE_EQ(chance(mosaic.at("mean_absolute_error")), 1.0);
    EXPECT_DOUBLE_EQ(chance(mosaic.at("root_mean_square")), 1.0);
    EXPECT_DOUBLE_EQ(value(mosaic.at("r_squared")), 0.75);
    EXPECT_TRUE(mosaic.at("chance_levels").contains("radial_profile"));
}

TEST_F(EvaluateTest, SeveralHeadsHaveATaskEach) {
    std::vector<LabelledImage> images(2, {.split = Split::train});
    images.push_back({.class_index = 1, .attributes = {1, 0}, .values = {0.25F}});
    const auto corpus = write(images);
    const auto predictions = predictions_of(corpus, {"hit", "attributes=ice", "values"}, {{0.1F, 0.9F, 0.8F, 0.25F}});
    const auto result = evaluation_json(predictions, corpus);
    ASSERT_EQ(result.at("tasks").size(), 3U);
    EXPECT_DOUBLE_EQ(value(result.at("tasks").at(0).at("hit").at("accuracy")), 1.0);
    EXPECT_DOUBLE_EQ(value(result.at("tasks").at(1).at("labels").at(0).at("recall")), 1.0);
    EXPECT_DOUBLE_EQ(value(result.at("tasks").at(2).at("values").at(0).at("mean_absolute_error")), 0.0);
    // One image of one class ranks nothing.
    EXPECT_EQ(result.at("tasks").at(0).at("hit").at("roc_auc").at("value"), nullptr);
}

TEST_F(EvaluateTest, BadAnswersAreRefused) {
    const auto corpus = write({{.split = Split::train}, {.class_index = 1}});
    EXPECT_THROW(evaluation_json(predictions_of(corpus, {"class"}, {{undefined, 0.5F, 0.5F}}), corpus), DataError);
    EXPECT_THROW(evaluation_json(predictions_of(corpus, {"class"}, {{1.5F, -0.5F, 0.0F}}), corpus), DataError);
    EXPECT_THROW(evaluation_json(predictions_of(corpus, {"class"}, {{1.0F}}), corpus), DataError);
    EXPECT_THROW(evaluation_json(predictions_of(corpus, {"class"}, {}), corpus), DataError);
    auto elsewhere = predictions_of(corpus, {"class"}, {{1.0F, 0.0F, 0.0F}});
    elsewhere.heads[0].outputs = {"cat", "dog", "cow"};
    EXPECT_THROW(evaluation_json(elsewhere, corpus), UsageError);
    Predictions none = predictions_of(corpus, {"class"}, {});
    none.image_indices.clear();
    EXPECT_THROW(evaluation_json(none, corpus), UsageError);
}

TEST_F(EvaluateTest, ModelsAreComparedOnWhatBothAnswer) {
    std::vector<LabelledImage> images(4, {.split = Split::train});
    for (int i = 0; i < 10; ++i) images.push_back({.class_index = i % 2});
    const auto corpus = write(images);
    std::vector<std::vector<float>> classes;
    std::vector<std::vector<float>> hits;
    for (int i = 0; i < 10; ++i) {
        const bool hit = i % 2 == 1;
        classes.push_back(hit ? std::vector{0.1F, 0.8F, 0.1F} : std::vector{0.9F, 0.1F, 0.0F});
        const bool said = hit != (i < 4);  // wrong in the first four
        hits.push_back(said ? std::vector{0.2F, 0.8F} : std::vector{0.8F, 0.2F});
    }
    std::vector<Predictions> models = {predictions_of(corpus, {"class"}, classes),
                                       predictions_of(corpus, {"hit"}, hits)};
    models[1].model = "finder";
    const auto result = evaluation_json(models, corpus);
    ASSERT_EQ(result.at("models").size(), 2U);
    EXPECT_EQ(result.at("models").at(1).at("model"), "finder");
    ASSERT_EQ(result.at("comparisons").size(), 1U);
    const auto& pair = result.at("comparisons").at(0).at("pairs").at(0);
    EXPECT_EQ(result.at("comparisons").at(0).at("head"), "hit");
    EXPECT_EQ(pair.at("only_first_right"), 4);
    EXPECT_EQ(pair.at("only_second_right"), 0);
    EXPECT_DOUBLE_EQ(pair.at("p").get<double>(), 0.125);  // 2 / 2^4
    models[1].image_indices[0] = 0;
    EXPECT_THROW(evaluation_json(models, corpus), UsageError);
}

TEST_F(EvaluateTest, DetectionIsShownAgainstWhatWasDrawn) {
    // Ice from 1 nm to 1 um, seen above 30 nm; false alarms in one of ten without ice. Beside them, ice of no
    // thickness.
    std::vector<LabelledImage> images(2, {.split = Split::train});
    std::vector<std::vector<float>> scores;
    for (int i = 0; i < 100; ++i) {
        const auto thickness = static_cast<float>(std::pow(10.0, -3.0 + 3.0 * i / 99.0));
        images.push_back({.attributes = {1, 0}, .drawn = {thickness}});
        scores.push_back({thickness > 0.03F ? 0.9F : 0.1F});
    }
    for (int i = 0; i < 50; ++i) {
        images.push_back({.attributes = {0, 0}, .drawn = {0.0F}});
        scores.push_back({i % 10 == 0 ? 0.9F : 0.1F});
    }
    for (int i = 0; i < 3; ++i) {
        images.push_back({.attributes = {1, 0}, .drawn = {0.0F}});
        scores.push_back({0.1F});
    }
    const auto corpus = write(images);
    const auto curves = strength_curves(predictions_of(corpus, {"attributes=ice"}, scores), corpus);
    ASSERT_EQ(curves.size(), 1U);  // nothing else varies
    const auto& curve = curves.at(0);
    EXPECT_EQ(curve.at("quantity"), "ice.thickness_um");
    EXPECT_EQ(curve.at("measure"), "detected");
    EXPECT_EQ(curve.at("images"), 100);
    EXPECT_EQ(curve.at("at_zero").at("value"), 0.0);
    EXPECT_DOUBLE_EQ(curve.at("floor").get<double>(), 0.1);
    EXPECT_NEAR(std::log10(value(curve.at("curve").at("threshold"))), std::log10(0.03), 0.05);
    EXPECT_EQ(curve.at("curve").at("bins").size(), 10U);
    EXPECT_EQ(curve.at("line").size(), 41U);
}

TEST_F(EvaluateTest, PeakListsBecomeHitsByAThresholdOfTheValidationSplit) {
    std::vector<LabelledImage> images;
    for (int i = 0; i < 4; ++i) images.push_back({.class_index = i % 2, .split = Split::validation});
    for (int i = 0; i < 2; ++i) images.push_back({.class_index = i % 2});
    const auto corpus = write(images);
    const std::vector<std::int64_t> counts = {2, 7, 4, 9, 4, 5};
    const auto predictions = hits_by_peak_count("finder", counts, corpus, Split::test);
    EXPECT_EQ(predictions.model, "finder, a hit from 5 peaks on");
    EXPECT_LT(predictions.scores[0][1], 0.5F);
    EXPECT_GT(predictions.scores[1][1], 0.5F);
    const auto one_class = write({{.class_index = 1, .split = Split::validation}, {.class_index = 1}});
    EXPECT_THROW(hits_by_peak_count("finder", std::vector<std::int64_t>{1, 1}, one_class, Split::test), UsageError);
}

}  // namespace
}  // namespace braggbench
