#include "classifiers/train_options.hpp"

#include <gtest/gtest.h>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

TrainOptions with(const std::string& schedule) {
    TrainOptions options;
    options.schedule = schedule;
    options.learning_rate = 2.0;
    options.decay = 0.25;
    options.step_epochs = 3;
    return options;
}

TEST(Schedule, FollowsItsFormula) {
    EXPECT_DOUBLE_EQ(learning_rate(with("constant"), 0.7, 9), 2.0);
    EXPECT_DOUBLE_EQ(learning_rate(with("step"), 0.0, 3), 2.0);
    EXPECT_DOUBLE_EQ(learning_rate(with("step"), 0.0, 7), 2.0 / 16.0);
    EXPECT_DOUBLE_EQ(learning_rate(with("exponential"), 0.5, 1), 1.0);
    EXPECT_DOUBLE_EQ(learning_rate(with("cosine"), 0.0, 1), 2.0);
    EXPECT_DOUBLE_EQ(learning_rate(with("cosine"), 0.5, 1), 2.0 * (0.25 + 0.75 * 0.5));
    EXPECT_DOUBLE_EQ(learning_rate(with("one-cycle"), 0.05, 1), 1.0);
    EXPECT_DOUBLE_EQ(learning_rate(with("one-cycle"), 0.1, 1), 2.0);
    EXPECT_NEAR(learning_rate(with("one-cycle"), 0.55, 1), 1.0, 1e-12);
}

TEST(TrainPresets, AreValidAndKnownByName) {
    for (const auto& preset : train_presets()) {
        EXPECT_NO_THROW(validate(preset.options)) << preset.name;
        EXPECT_EQ(&train_preset(preset.name), &preset);
    }
    EXPECT_DOUBLE_EQ(train_preset("deepfreak").options.momentum, 0.88172);
    EXPECT_THROW(train_preset("nawas"), UsageError);
}

TEST(TrainOptions, EveryFaultIsTold) {
    TrainOptions options;
    EXPECT_NO_THROW(validate(options));
    options.optimizer = "adamm";
    options.schedule = "linear";
    options.momentum = 1.0;
    options.decay = 0.0;
    options.view = "tiles:64";
    options.precision = "half";
    options.resume = true;
    try {
        validate(options);
        FAIL();
    } catch (const UsageError& error) {
        const std::string text = error.what();
        for (const auto* word : {"Did you mean adam", "schedule", "momentum", "decay", "view", "precision", "resume"}) {
            EXPECT_NE(text.find(word), std::string::npos) << word << "\n" << text;
        }
    }
}

TEST(Variation, SettlesInTheLastFifth) {
    TrainOptions options;
    options.epochs = 15;
    EXPECT_EQ(variation_in(options, 12), "detector");
    EXPECT_EQ(variation_in(options, 13), "flips");
    options.variation = "none";
    EXPECT_EQ(variation_in(options, 15), "none");
}

}  // namespace
}  // namespace braggbench
