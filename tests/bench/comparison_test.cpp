// From two files of results to verdicts: what is found, what is left alone, and what cannot be compared.
#include "bench/results/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "bench/results/change_test.hpp"
#include "bench/results/student_t.hpp"
#include "classifiers/metric_clustered_auc.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"
#include "tests/bench/small_results.hpp"

namespace braggbench {
namespace {

Measure& measure(Results& results, const std::string& id) {
    return *std::find_if(results.measures.begin(), results.measures.end(),
                         [&](const Measure& one) { return one.id == id; });
}

const MeasureChange& change(const ResultsComparison& comparison, const std::string& id) {
    return *std::find_if(comparison.changes.begin(), comparison.changes.end(),
                         [&](const MeasureChange& one) { return one.id == id; });
}

// 400 answers of which every `wrong_each`-th is wrong.
void set_answers(Measure& one, int wrong_each, int shift = 0) {
    one.n = 400;
    one.samples = Samples{"images", {}, {}, false};
    double right = 0.0;
    for (int i = 0; i < one.n; ++i) {
        one.samples->values.push_back((i + shift) % wrong_each == 0 ? 0.0 : 1.0);
        right += one.samples->values.back();
    }
    one.metric = proportion(static_cast<std::int64_t>(right), one.n, 0.5);
}

Results larger_results() {
    Results results = small_results();
    set_answers(measure(results, "network/accuracy"), 20);
    Measure& slift = measure(results, "network/slift");
    slift.n = 101;
    slift.samples->values.clear();
    for (int i = 0; i < 101; ++i) slift.samples->values.push_back(1.0 + 0.03 * i);
    slift.metric = {2.5, {{2.2, 2.8}}, 1.0};
    return results;
}

TEST(Comparison, NothingChanged) {
    const Results results = larger_results();
    const auto comparison = compare_results(results, results);
    EXPECT_EQ(comparison.count(Verdict::regression), 0);
    EXPECT_EQ(comparison.count(Verdict::improvement), 0);
    EXPECT_EQ(comparison.count(Verdict::unchanged), 5);
    EXPECT_EQ(change(comparison, "network/precision").why, "undefined in BASE");
    EXPECT_TRUE(comparison.notes.empty());
}

TEST(Comparison, PairsFindWhatIntervalsDoNot) {
    const Results base = larger_results();
    Results fresh = base;
    set_answers(measure(fresh, "network/accuracy"), 10);  // the same are wrong, and as many more
    auto comparison = compare_results(base, fresh);
    const MeasureChange& accuracy = change(comparison, "network/accuracy");
    EXPECT_EQ(accuracy.verdict, Verdict::regression);
    EXPECT_EQ(accuracy.test, "McNemar");
    EXPECT_NEAR(*accuracy.difference, -0.05, 1e-12);
    EXPECT_LT(*accuracy.p_holm, 1e-4);
    EXPECT_EQ(change(compare_results(fresh, base), "network/accuracy").verdict, Verdict::improvement);

    measure(fresh, "network/accuracy").samples->units = "other images";
    comparison = compare_results(base, fresh);
    EXPECT_EQ(change(comparison, "network/accuracy").verdict, Verdict::unchanged);
    EXPECT_EQ(change(comparison, "network/accuracy").test, "intervals");
    EXPECT_NEAR(*change(comparison, "network/accuracy").difference, -0.05, 1e-12);
}

TEST(Comparison, LowerCanBeBetter) {
    Results base = larger_results();
    measure(base, "network/accuracy").better = Better::lower;
    Results fresh = base;
    set_answers(measure(fresh, "network/accuracy"), 8);
    EXPECT_EQ(change(compare_results(base, fresh), "network/accuracy").verdict, Verdict::improvement);
}

// Rounding that shifts all images the same way is sure, but smaller than any margin.
TEST(Comparison, RoundingIsNoChange) {
    const Results base = larger_results();
    Results fresh = base;
    Measure& slift = measure(fresh, "network/slift");
    for (double& value : slift.samples->values) value *= 1.0001;
    *slift.metric.value *= 1.0001;
    const auto comparison = compare_results(base, fresh);
    EXPECT_LT(*change(comparison, "network/slift").p_holm, 0.01);
    EXPECT_EQ(change(comparison, "network/slift").verdict, Verdict::unchanged);
    for (double& value : slift.samples->values) value *= 0.9;
    *slift.metric.value *= 0.9;
    EXPECT_EQ(change(compare_results(base, fresh), "network/slift").verdict, Verdict::regression);
}

TEST(Comparison, WithoutPairsByBothIntervals) {
    const Results base = larger_results();
    Results fresh = base;
    measure(fresh, "network/auc").metric = {0.85, {{0.75, 0.9}}, 0.5};
    EXPECT_EQ(change(compare_results(base, fresh), "network/auc").verdict, Verdict::unchanged);
    measure(fresh, "network/auc").metric = {0.6, {{0.5, 0.68}}, 0.5};
    const auto comparison = compare_results(base, fresh);
    const MeasureChange& auc = change(comparison, "network/auc");
    EXPECT_EQ(auc.verdict, Verdict::regression);
    // Zou & Donner 2008: 0.6 - 0.9 -/+ sqrt of the squared distances to the ends that face each other.
    EXPECT_NEAR((*auc.ci95)[1], -0.3 + std::hypot(0.08, 0.1), 1e-12);
    EXPECT_NEAR((*auc.ci95)[0], -0.3 - std::hypot(0.1, 0.05), 1e-12);
    measure(fresh, "network/auc").metric = {1.0, {}, 0.5};
    EXPECT_EQ(change(compare_results(base, fresh), "network/auc").verdict, Verdict::unchanged);
    measure(fresh, "network/auc").metric = {0.95, {}, 0.5};
    EXPECT_EQ(change(compare_results(base, fresh), "network/auc").verdict, Verdict::not_comparable);
}

// Two networks of another processor differ by more than their images do.
TEST(Comparison, TrainingsThatScatterAreNoChange) {
    Results base = larger_results();
    Results fresh = base;
    measure(base, "network/auc").metric = {0.6, {{0.58, 0.62}}, 0.5};
    measure(fresh, "network/auc").metric = {0.5, {{0.48, 0.52}}, 0.5};
    EXPECT_EQ(change(compare_results(base, fresh), "network/auc").verdict, Verdict::regression);
    measure(base, "network/auc").training_scatter = TrainingScatter{8, 0.03};
    const auto comparison = compare_results(base, fresh);
    const MeasureChange& auc = change(comparison, "network/auc");
    EXPECT_EQ(auc.verdict, Verdict::unchanged);
    const double images = std::hypot(0.02, 0.02) / 1.959963984540054;
    const double trainings = std::sqrt(2.0) * 0.03;
    const double both = std::hypot(images, trainings);
    EXPECT_NEAR((*auc.ci95)[1], -0.1 + 1.959963984540054 * both, 1e-12);
    // Welch's degrees of freedom where one variance is known.
    EXPECT_NEAR(*auc.p, 2.0 * student_t_cdf(-0.1 / both, 7.0 * std::pow(both / trainings, 4)), 1e-12);
    measure(base, "network/auc").training_scatter = TrainingScatter{8, 0.001};
    EXPECT_EQ(change(compare_results(base, fresh), "network/auc").verdict, Verdict::regression);
    // Pairs are of one network.
    measure(base, "network/accuracy").training_scatter = TrainingScatter{8, 0.3};
    set_answers(measure(fresh, "network/accuracy"), 8);
    EXPECT_EQ(change(compare_results(base, fresh), "network/accuracy").verdict, Verdict::regression);
}

TEST(Comparison, WhatIsLostIsARegression) {
    const Results base = larger_results();
    Results fresh = base;
    measure(fresh, "network/accuracy").metric = {};
    measure(fresh, "network/accuracy").samples.reset();
    std::erase_if(fresh.measures, [](const Measure& one) { return one.id == "network/auc"; });
    auto comparison = compare_results(base, fresh);
    EXPECT_EQ(change(comparison, "network/accuracy").verdict, Verdict::regression);
    EXPECT_EQ(change(comparison, "network/accuracy").why, "undefined in NEW");
    EXPECT_EQ(change(comparison, "network/auc").verdict, Verdict::regression);
    EXPECT_EQ(change(comparison, "network/auc").why, "missing in NEW");
    fresh.suite_hash = "another";
    comparison = compare_results(base, fresh);
    EXPECT_EQ(change(comparison, "network/auc").verdict, Verdict::not_comparable);
    EXPECT_EQ(comparison.notes.size(), 1U);
    EXPECT_EQ(change(compare_results(fresh, base), "network/auc").why, "missing in BASE");
}

TEST(Comparison, ChecksumsAreCompared) {
    const Results base = larger_results();
    Results fresh = base;
    measure(fresh, "corpus/manifest").text = "crc32 00000000";
    const auto comparison = compare_results(base, fresh);
    EXPECT_EQ(change(comparison, "corpus/manifest").verdict, Verdict::regression);
    EXPECT_EQ(change(comparison, "corpus/manifest").why, "crc32 8badf00d became crc32 00000000");
}

TEST(Comparison, SpeedsOfOneMachineRelativeToItsCalibration) {
    const Results base = larger_results();
    Results fresh = base;
    const auto slower = [](Measure& speed, double factor) {
        for (double& value : speed.samples->values) value /= factor;
        *speed.metric.value /= factor;
    };
    slower(measure(fresh, "network/speed"), 2.0);
    EXPECT_EQ(change(compare_results(base, fresh), "network/speed").verdict, Verdict::regression);
    EXPECT_NEAR(*change(compare_results(base, fresh), "network/speed").difference, -0.5, 1e-9);
    fresh.machine.calibration_ms *= 2.0;  // all of it is twice as slow today
    EXPECT_EQ(change(compare_results(base, fresh), "network/speed").verdict, Verdict::unchanged);
    EXPECT_NEAR(*change(compare_results(base, fresh), "network/speed").difference, 0.0, 1e-9);

    fresh.machine.processor = "Test 4000";
    const auto elsewhere = compare_results(base, fresh);
    EXPECT_EQ(change(elsewhere, "network/speed").verdict, Verdict::not_comparable);
    EXPECT_EQ(elsewhere.count(Verdict::unchanged), 4);
    EXPECT_NE(elsewhere.notes.at(0).find("Test 4000"), std::string::npos);

    fresh = base;
    measure(fresh, "network/speed").samples->values.resize(2);
    EXPECT_EQ(change(compare_results(base, fresh), "network/speed").verdict, Verdict::not_comparable);
}

// A time that grows is a speed that falls.
TEST(Comparison, TimesAreSpeedsTheOtherWayRound) {
    Results base = larger_results();
    Measure& time = measure(base, "network/speed");
    time.unit = "ms";
    time.better = Better::lower;
    Results fresh = base;
    for (double& value : measure(fresh, "network/speed").samples->values) value *= 2.0;
    EXPECT_EQ(change(compare_results(base, fresh), "network/speed").verdict, Verdict::regression);
    EXPECT_NEAR(*change(compare_results(base, fresh), "network/speed").difference, -0.5, 1e-9);
}

TEST(Comparison, FilesThatContradictEachOther) {
    const Results base = larger_results();
    Results fresh = base;
    fresh.suite = "paper";
    EXPECT_THROW(compare_results(base, fresh), UsageError);
    fresh = base;
    measure(fresh, "network/accuracy").samples->values.pop_back();
    EXPECT_THROW(compare_results(base, fresh), DataError);
    fresh = base;
    measure(fresh, "network/accuracy").samples->strata.assign(400, 1);
    EXPECT_THROW(compare_results(base, fresh), DataError);
    fresh = base;
    measure(fresh, "network/accuracy").unit = "px";
    EXPECT_EQ(change(compare_results(base, fresh), "network/accuracy").verdict, Verdict::not_comparable);
}

TEST(Comparison, DetectableDifferenceIsDetected) {
    EXPECT_NEAR(upper_normal_quantile(0.025), 1.959963984540054, 1e-9);
    EXPECT_NEAR(one_sided_p(upper_normal_quantile(1e-6)), 1e-6, 1e-12);
    const Results base = larger_results();
    const double detectable = *change(compare_results(base, base), "network/accuracy").detectable;
    EXPECT_GT(detectable, 0.02);
    EXPECT_LT(detectable, 0.06);
    int found = 0;
    constexpr int trials = 100;
    for (int trial = 0; trial < trials; ++trial) {
        RandomStream random(7, static_cast<std::uint64_t>(trial), Stage::labels);
        Results fresh = base;
        Measure& accuracy = measure(fresh, "network/accuracy");
        double sum = 0.0;
        for (double& value : accuracy.samples->values) {
            if (value == 1.0 && random.uniform() < detectable / *accuracy.metric.value) value = 0.0;
            sum += value;
        }
        accuracy.metric = proportion(static_cast<std::int64_t>(sum), 400, 0.5);
        found += change(compare_results(base, fresh), "network/accuracy").verdict == Verdict::regression ? 1 : 0;
    }
    EXPECT_GT(found, trials * 7 / 10);
    EXPECT_LT(found, trials * 95 / 100);
}

TEST(Comparison, TextsSayTheSame) {
    const Results base = larger_results();
    Results fresh = base;
    set_answers(measure(fresh, "network/accuracy"), 8);
    measure(fresh, "corpus/manifest").text = "a | b <c>";
    const auto comparison = compare_results(base, fresh);
    const std::string text = comparison_text(comparison);
    EXPECT_LT(text.find("network/accuracy"), text.find("network/slift"));
    EXPECT_EQ(text.find("regression"), 0U);
    EXPECT_NE(text.find("suite small: 2 regressions, 0 improvements, 1 not comparable, 3 unchanged"), std::string::npos)
        << text;
    EXPECT_NE(comparison_markdown(comparison).find("### regression (2)"), std::string::npos);
    EXPECT_NE(comparison_markdown(comparison).find("a \\| b"), std::string::npos);
    const std::string junit = comparison_junit(comparison);
    EXPECT_NE(junit.find("tests=\"6\" failures=\"2\" errors=\"0\" skipped=\"1\""), std::string::npos) << junit;
    EXPECT_NE(junit.find("&lt;c&gt;"), std::string::npos);
    const std::string csv = comparison_csv(comparison);
    const auto first = csv.substr(0, csv.find('\n'));
    const auto commas = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
    EXPECT_EQ(commas(first) * 7, commas(csv));
    const auto json = comparison_json(comparison);
    EXPECT_EQ(json.at("counts").at("regression"), 2);
    EXPECT_EQ(json.at("measures").size(), 6U);
    EXPECT_EQ(json.at("measures")[0].at("verdict"), "regression");
}

}  // namespace
}  // namespace braggbench
