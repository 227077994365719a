#include "explain/attribute_status.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

using enum LabelStatus;

Head head_of(const char* name, HeadKind kind, std::vector<std::string> outputs) {
    Head head;
    head.name = name;
    head.kind = kind;
    head.outputs = std::move(outputs);
    return head;
}

// Classes a and b, attributes ice and oil, and a value that has no status.
Predictions answers(std::vector<std::vector<float>> scores) {
    Predictions predictions;
    predictions.model = "a test";
    predictions.heads.resize(3);
    predictions.heads[0] = head_of("class", HeadKind::one_of_n, {"a", "b"});
    predictions.heads[1] = head_of("values", HeadKind::regression, {"angle"});
    predictions.heads[2] = head_of("attributes", HeadKind::multi_label, {"ice", "oil"});
    predictions.scores = std::move(scores);
    return predictions;
}

TEST(AttributeStatus, IsRightOrWrongPerImageAndLabel) {
    const auto status = attribute_status(
        answers({{0.7F, 0.3F, 9.0F, 0.6F, 0.5F}, {0.7F, 0.3F, 9.0F, 0.4F, 0.9F}, {0.2F, 0.8F, 9.0F, 0.9F, 0.1F}}),
        std::vector<std::vector<float>>{
            {0.0F, 1.0F, 1.0F, 1.0F}, {1.0F, 1.0F, 1.0F, unknown_target}, {1.0F, 1.0F, 0.0F, 0.0F}});
    ASSERT_EQ(status.labels.size(), 4U);
    EXPECT_EQ(status.labels[2].head, "attributes");
    EXPECT_EQ(status.labels[2].name, "ice");
    using Row = std::vector<LabelStatus>;
    // What is as likely as not is not said to be true.
    EXPECT_EQ(status.status[0], (Row{true_positive, true_negative, true_positive, false_negative}));
    EXPECT_EQ(status.status[1], (Row{false_positive, false_negative, false_negative, unknown}));
    EXPECT_EQ(status.status[2], (Row{true_negative, true_positive, false_positive, true_negative}));
    EXPECT_EQ(is_true(false_negative), true);
    EXPECT_EQ(is_true(false_positive), false);
    EXPECT_FALSE(is_true(unknown).has_value());

    // Labels (1, 0, 1, 1), said (0.7, 0.3, 0.6, 0.5).
    EXPECT_NEAR(status.distances[0].euclidean.value(), std::sqrt(0.09 + 0.09 + 0.16 + 0.25), 1e-6);
    EXPECT_NEAR(status.distances[0].cosine.value(), 1.0 - 1.8 / std::sqrt(3.0 * (0.49 + 0.09 + 0.36 + 0.25)), 1e-6);
    // Without oil, which is not known: (0, 1, 1), said (0.7, 0.3, 0.4).
    EXPECT_NEAR(status.distances[1].euclidean.value(), std::sqrt(0.49 + 0.49 + 0.36), 1e-6);
}

TEST(AttributeStatus, ScoresAnySelection) {
    const auto status = attribute_status(
        answers({{0.7F, 0.3F, 9.0F, 0.6F, 0.5F}, {0.7F, 0.3F, 9.0F, 0.4F, 0.9F}, {0.2F, 0.8F, 9.0F, 0.9F, 0.1F}}),
        std::vector<std::vector<float>>{
            {0.0F, 1.0F, 1.0F, 1.0F}, {1.0F, 1.0F, 1.0F, unknown_target}, {1.0F, 1.0F, 0.0F, 0.0F}});
    const std::vector<std::size_t> all = {0, 1, 2};
    const auto scores = label_scores(status, all);
    ASSERT_EQ(scores.size(), 4U);
    const auto& ice = scores[2];
    EXPECT_EQ(ice.true_positives, 1);
    EXPECT_EQ(ice.false_positives, 1);
    EXPECT_EQ(ice.false_negatives, 1);
    EXPECT_EQ(ice.precision.value, 0.5);
    EXPECT_EQ(ice.recall.value, 0.5);
    EXPECT_EQ(ice.f1.value, 0.5);
    EXPECT_NEAR(ice.accuracy.value.value(), 1.0 / 3.0, 1e-12);
    EXPECT_NEAR(ice.accuracy.chance.value(), 2.0 / 3.0, 1e-12);
    EXPECT_NEAR(ice.precision.chance.value(), 2.0 / 3.0, 1e-12);
    EXPECT_EQ(ice.recall.ci95, wilson_ci95(1, 2));
    EXPECT_EQ(scores[3].unknown, 1);
    EXPECT_FALSE(scores[3].precision.value) << "nobody was said to have oil";

    const std::vector<std::size_t> last = {2};
    EXPECT_EQ(label_scores(status, last)[1].recall.value, 1.0);
    EXPECT_EQ(label_scores(status, last)[2].precision.value, 0.0);
    const std::vector<std::size_t> second = {1};
    EXPECT_FALSE(label_scores(status, second)[3].accuracy.value) << "its truth is not known";
    EXPECT_FALSE(label_scores(status, {})[0].accuracy.value);
    const std::vector<std::size_t> none = {3};
    EXPECT_THROW(label_scores(status, none), UsageError);
}

TEST(AttributeStatus, DistancesHaveAChance) {
    const auto distances = distance_scores(
        attribute_status(answers({{1.0F, 0.0F, 0.0F, 1.0F, 0.0F}, {0.0F, 1.0F, 0.0F, 1.0F, 0.0F}}),
                         std::vector<std::vector<float>>{{0.0F, 0.0F, 1.0F, 0.0F}, {1.0F, 0.0F, 1.0F, 0.0F}}),
        1, 2);
    EXPECT_NEAR(distances.euclidean.value.value(), 0.0, 1e-12);
    EXPECT_NEAR(distances.euclidean.chance.value(), std::sqrt(2.0), 1e-12);
    EXPECT_NEAR(distances.cosine.chance.value(), 0.5, 1e-12);
    EXPECT_EQ(distances.cosine_undefined, 0);

    auto attributes_alone = answers({{0.0F, 0.0F}});
    attributes_alone.heads.erase(attributes_alone.heads.begin(), attributes_alone.heads.begin() + 2);
    const auto nothing =
        distance_scores(attribute_status(attributes_alone, std::vector<std::vector<float>>{{0.0F, 1.0F}}), 1);
    EXPECT_EQ(nothing.cosine_undefined, 1);
    EXPECT_FALSE(nothing.cosine.value);
    EXPECT_EQ(nothing.euclidean.value, 1.0);
    EXPECT_FALSE(nothing.euclidean.chance) << "there is no other image";
}

TEST(AttributeStatus, NeedsLabelsAndTheirTruth) {
    EXPECT_THROW(attribute_status(answers({{1.0F, 0.0F, 0.0F, 1.0F, 0.0F}}), {}), UsageError);
    auto values = answers({{3.0F}});
    values.heads = {values.heads[1]};
    EXPECT_THROW(attribute_status(values, std::vector<std::vector<float>>{{3.0F}}), UsageError);
}

}  // namespace
}  // namespace braggbench
