#include "classifiers/metric_psychometric.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

struct Answers {
    std::vector<double> strengths;
    std::vector<int> right;
};

// Answers of an observer with a known curve.
Answers observe(int count, double low, double high, std::uint64_t seed, const PsychometricFit& truth,
                const PsychometricOptions& options) {
    RandomStream random(seed, 0, Stage::scene);
    Answers answers;
    for (int i = 0; i < count; ++i) {
        answers.strengths.push_back(random.uniform(low, high));
        answers.right.push_back(random.uniform() < truth.accuracy_at(answers.strengths.back(), options) ? 1 : 0);
    }
    return answers;
}

TEST(MetricPsychometric, FindsTheThresholdOfAKnownCurve) {
    PsychometricOptions options;
    options.chance = 0.2;
    const PsychometricFit truth{5.0, 1.5, 0.0, 0.0, 0.0};
    const auto answers = observe(1000, 0.0, 10.0, 5, truth, options);
    const auto curve = psychometric_curve(answers.strengths, answers.right, 1, options);
    ASSERT_TRUE(curve.fit.has_value());
    EXPECT_NEAR(curve.fit->midpoint, 5.0, 0.25);
    EXPECT_NEAR(curve.fit->slope, 1.5, 0.35);
    EXPECT_LE(curve.fit->lapse, 0.02);
    ASSERT_TRUE(curve.threshold.value.has_value());
    EXPECT_NEAR(*curve.threshold.value, 5.0, 0.25);  // accuracy 0.6, midway
    ASSERT_TRUE(curve.threshold.ci95.has_value());
    EXPECT_LT((*curve.threshold.ci95)[0], 5.0);
    EXPECT_GT((*curve.threshold.ci95)[1], 5.0);
    EXPECT_LT((*curve.threshold.ci95)[1] - (*curve.threshold.ci95)[0], 1.0);
    ASSERT_EQ(curve.bins.size(), 10U);
    std::int64_t total = 0;
    for (const auto& bin : curve.bins) total += bin.count;
    EXPECT_EQ(total, 1000);
    EXPECT_LT(*curve.bins.front().accuracy.value, 0.35);
    EXPECT_GT(*curve.bins.back().accuracy.value, 0.95);
    // No other curve is likelier: the fit's own likelihood, from its own parameters, and those nearby.
    const auto likelihood = [&](const PsychometricFit& fit) {
        double sum = 0.0;
        for (std::size_t i = 0; i < answers.right.size(); ++i) {
            const double p = fit.accuracy_at(answers.strengths[i], options);
            sum += answers.right[i] == 1 ? std::log(p) : std::log1p(-p);
        }
        return sum;
    };
    const double best = likelihood(*curve.fit);
    EXPECT_NEAR(best, curve.fit->log_likelihood, 0.5);  // that of 200 groups
    for (const double shift : {-0.2, 0.2}) {
        auto moved = *curve.fit;
        moved.midpoint += shift;
        EXPECT_LT(likelihood(moved), best);
        moved = *curve.fit;
        moved.slope += shift;
        EXPECT_LT(likelihood(moved), best + 0.05);
    }
}

TEST(MetricPsychometric, LogarithmicScaleFallingCurveAndLevel) {
    PsychometricOptions options;
    options.scale = StrengthScale::logarithmic;
    options.chance = 0.5;
    options.threshold_accuracy = 0.9;
    const PsychometricFit truth{10.0, -3.0, 0.0, 0.0, 0.0};  // background hides the signal
    const auto answers = observe(1500, 1.0, 40.0, 2, truth, options);
    const auto curve = psychometric_curve(answers.strengths, answers.right, 1, options);
    // 0.9 = 0.5 + 0.5 f at f = 0.8: ln(x / 10) = -ln 4 / 3.
    ASSERT_TRUE(curve.threshold.value.has_value());
    EXPECT_NEAR(*curve.threshold.value, 10.0 * std::exp(-std::log(4.0) / 3), 1.0);
    EXPECT_LT(curve.fit->slope, 0.0);
    EXPECT_THROW(psychometric_curve(std::vector{0.0, 1.0}, std::vector{0, 1}, 1, options), UsageError);
}

TEST(MetricPsychometric, WithoutDependenceThereIsNoThreshold) {
    PsychometricOptions options;
    RandomStream random(3, 0, Stage::scene);
    std::vector<double> strengths;
    std::vector<int> guesses;
    for (int i = 0; i < 400; ++i) {
        strengths.push_back(i % 20);
        guesses.push_back(random.uniform() < 0.5 ? 1 : 0);
    }
    EXPECT_FALSE(psychometric_curve(strengths, guesses, 1, options).threshold.value.has_value());
    const std::vector<int> all_right(400, 1);
    EXPECT_FALSE(psychometric_curve(strengths, all_right, 1, options).threshold.value.has_value());
    const std::vector<double> equal(400, 2.0);
    const auto flat = psychometric_curve(equal, guesses, 1, options);
    EXPECT_FALSE(flat.fit.has_value());
    EXPECT_EQ(flat.bins.size(), 1U);
    EXPECT_TRUE(psychometric_curve({}, {}, 1, options).bins.empty());
}

TEST(MetricPsychometric, ASharpStepHasItsThresholdInTheGap) {
    std::vector<double> strengths;
    std::vector<int> right;
    PsychometricOptions options;
    options.chance = 0.0;
    for (int i = 0; i < 100; ++i) {
        strengths.push_back(i < 50 ? i : i + 10);
        right.push_back(i < 50 ? 0 : 1);
    }
    const auto curve = psychometric_curve(strengths, right, 1, options);
    ASSERT_TRUE(curve.threshold.value.has_value());
    EXPECT_NEAR(*curve.threshold.value, 54.5, 2.0);
}

TEST(MetricPsychometric, BinsHaveTheEdgesGiven) {
    PsychometricOptions options;
    options.bin_edges = {0.0, 1.0, 2.0};
    const std::vector<double> strengths = {-1.0, 0.0, 0.5, 1.0, 2.0, 2.5};
    const std::vector<int> right = {1, 0, 1, 1, 1, 1};
    const auto curve = psychometric_curve(strengths, right, 1, options);
    ASSERT_EQ(curve.bins.size(), 2U);
    EXPECT_EQ(curve.bins[0].count, 2);
    EXPECT_EQ(curve.bins[1].count, 2);
    EXPECT_EQ(*curve.bins[0].accuracy.value, 0.5);
    EXPECT_EQ(*curve.bins[1].mean_strength, 1.5);
    options.bin_edges = {1.0, 1.0};
    EXPECT_THROW(psychometric_curve(strengths, right, 1, options), UsageError);
    options = {};
    options.chance = 1.0;
    EXPECT_THROW(psychometric_curve(strengths, right, 1, options), UsageError);
}

}  // namespace
}  // namespace braggbench
