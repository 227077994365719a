#include <gtest/gtest.h>

#include <cmath>

#include "classifiers/head_tensors.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

HeadSource source() {
    return {{"blank", "good"}, {"good"}, {{"ice", "badice"}, {"mosaic1"}, {"deg"}, false}, "a corpus"};
}

std::vector<Head> heads_of(const std::vector<std::string>& texts) { return make_heads(texts, source()); }

TEST(Heads, AreReadFromTheirTextForms) {
    const auto heads = heads_of({"class", "hit@2", "attributes=badice@0.5", "values"});
    ASSERT_EQ(heads.size(), 4U);
    EXPECT_EQ(heads[0].outputs, (std::vector<std::string>{"blank", "good"}));
    EXPECT_EQ(heads[1].outputs, (std::vector<std::string>{"miss", "hit"}));
    EXPECT_EQ(heads[1].output_of_class, (std::vector<int>{0, 1}));
    EXPECT_EQ(heads[1].loss_weight, 2.0);
    EXPECT_EQ(heads[2].outputs, std::vector<std::string>{"badice"});
    EXPECT_EQ(heads[2].loss_weight, 0.5);
    EXPECT_EQ(heads[3].units, std::vector<std::string>{"deg"});
    EXPECT_EQ(output_count(heads), 6U);
    EXPECT_EQ(target_count(heads), 4U);
    EXPECT_EQ(output_offset(heads, "values"), 5U);
    EXPECT_THROW(output_offset(heads, "grades"), UsageError);
    EXPECT_EQ(nlohmann::json(heads).get<std::vector<Head>>(), heads);
}

TEST(Heads, WhatTheCorpusDoesNotHaveIsRefusedByName) {
    for (const auto* text :
         {"classes", "attributes=icy", "attributes=ice,", "class=a", "values@0", "values@x", "attributes=ice,ice"}) {
        EXPECT_THROW(heads_of({text}), UsageError) << text;
    }
    EXPECT_THROW(heads_of({}), UsageError);
    EXPECT_THROW(heads_of({"class", "class"}), UsageError);
    auto bare = source();
    bare.labels = {};
    EXPECT_THROW(make_heads(std::vector<std::string>{"attributes"}, bare), UsageError);
    bare.class_names = {"only"};
    EXPECT_THROW(make_heads(std::vector<std::string>{"class"}, bare), UsageError);
    EXPECT_THROW(make_heads(std::vector<std::string>{"hit"}, bare), UsageError);
    try {
        heads_of({"attributes=icy"});
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("Did you mean \"ice\""), std::string::npos) << error.what();
    }
}

TEST(Heads, TargetsFollowTheLabels) {
    const auto heads = heads_of({"class", "hit", "attributes", "values"});
    const ImageLabels labels{{1, ImageLabels::unknown}, {0.25F}, Grade::miss};
    const auto targets = targets_of(heads, source(), 1, labels);
    ASSERT_EQ(targets.size(), 5U);
    EXPECT_EQ(targets[0], 1.0F);
    EXPECT_EQ(targets[1], 1.0F);
    EXPECT_EQ(targets[2], 1.0F);
    EXPECT_TRUE(std::isnan(targets[3]));
    EXPECT_EQ(targets[4], 0.25F);
}

// Two classes, one label, one value with mean 2 and deviation 4.
std::vector<Head> small_heads() {
    auto heads = heads_of({"class", "attributes=ice", "values@0.5"});
    heads[2].means = {2.0};
    heads[2].deviations = {4.0};
    return heads;
}

TEST(HeadTensors, ScoresAreProbabilitiesAndValues) {
    const auto scores = scores_of(torch::tensor({{0.0F, std::log(3.0F), 0.0F, 0.5F}}), small_heads());
    EXPECT_TRUE(torch::allclose(scores, torch::tensor({{0.25F, 0.75F, 0.5F, 4.0F}})));
}

TEST(HeadTensors, LossIsTheSumOfItsHeadsOverWhatIsKnown) {
    const auto heads = small_heads();
    const auto logits = torch::tensor({{0.0F, std::log(3.0F), 0.0F, 0.5F}, {0.0F, 0.0F, 9.0F, 0.0F}});
    const auto unknown = unknown_target;
    const auto targets = torch::tensor({{1.0F, 1.0F, 2.0F}, {0.0F, unknown, unknown}});
    // Cross-entropies -log 0.75 and log 2; the first image's label log 2, its value off by 0.5 deviations: Huber 0.125.
    const double expected = 0.5 * (-std::log(0.75) + std::log(2.0)) + std::log(2.0) + 0.5 * 0.125;
    EXPECT_NEAR(loss_of(logits, targets, heads, {}).item<double>(), expected, 1e-6);

    auto learning = logits.clone().set_requires_grad(true);
    loss_of(learning, targets, heads, {}).backward();
    EXPECT_TRUE(torch::isfinite(learning.grad()).all().item<bool>());
    EXPECT_EQ(learning.grad()[1][2].item<float>(), 0.0F);

    // Focal with gamma 2 scales each by (1 - p of what is true)^2.
    const double focal = 0.5 * (-std::log(0.75) / 16.0 + std::log(2.0) / 4.0) + std::log(2.0) / 4.0 + 0.5 * 0.125;
    EXPECT_NEAR(loss_of(logits, targets, heads, {{}, 2.0}).item<double>(), focal, 1e-6);
}

TEST(HeadTensors, BalancedWeightsMakeEveryKindCountAlike) {
    const auto heads = small_heads();
    const auto targets =
        torch::tensor({{0.0F, 0.0F, 1.0F}, {0.0F, 0.0F, 1.0F}, {0.0F, 0.0F, 1.0F}, {1.0F, 1.0F, 1.0F}});
    const auto weights = balanced_weights(targets, heads);
    EXPECT_TRUE(torch::allclose(weights.of_head[0], torch::tensor({2.0F / 3.0F, 2.0F})));
    EXPECT_TRUE(torch::allclose(weights.of_head[1], torch::tensor({{2.0F / 3.0F}, {2.0F}})));
    EXPECT_FALSE(weights.of_head[2].defined());
}

TEST(HeadTensors, ValuesAreStandardisedByWhatIsKnown) {
    auto heads = heads_of({"values"});
    standardise(heads, torch::tensor({{1.0F}, {3.0F}, {unknown_target}}), "a corpus");
    EXPECT_DOUBLE_EQ(heads[0].means[0], 2.0);
    EXPECT_DOUBLE_EQ(heads[0].deviations[0], 1.0);
    EXPECT_THROW(standardise(heads, torch::tensor({{unknown_target}}), "a corpus"), DataError);
}

TEST(HeadTensors, ScoresOfHeadsAreShares) {
    std::vector<HeadScore> scores;
    const auto logits = torch::tensor({{1.0F, 0.0F, -1.0F, 0.5F}, {1.0F, 0.0F, 1.0F, 0.0F}});
    const auto targets = torch::tensor({{0.0F, 0.0F, 2.0F}, {1.0F, unknown_target, 2.0F}});
    add_scores(scores, logits, targets, small_heads());
    EXPECT_DOUBLE_EQ(scores[0].mean(), 0.5);
    EXPECT_DOUBLE_EQ(scores[1].mean(), 1.0);
    EXPECT_DOUBLE_EQ(scores[2].mean(), 1.0 - 0.125);
}

}  // namespace
}  // namespace braggbench
