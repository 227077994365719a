// How often a comparison errs, on runs drawn from known laws; bench/accuracy/interval_coverage draws many more.
#include <gtest/gtest.h>

#include "bench/accuracy/simulated_runs.hpp"
#include "bench/results/comparison.hpp"

namespace braggbench {
namespace {

TEST(FalseAlarms, AreRareWhereOnlyChanceDiffers) {
    int changed = 0;
    int small = 0;
    int tests = 0;
    for (std::uint64_t key = 0; key < 150; ++key) {
        const auto comparison = compare_results(simulated_run(1, key, 0, {}), simulated_run(1, key, 1, {}));
        EXPECT_EQ(comparison.count(Verdict::not_comparable), 0);
        changed += comparison.count(Verdict::unchanged) < static_cast<std::int64_t>(comparison.changes.size()) ? 1 : 0;
        for (const MeasureChange& change : comparison.changes) {
            small += *change.p <= 0.05 ? 1 : 0;
            ++tests;
        }
    }
    // At 1 %, more than 6 of 150 have a chance of 0.2 %. Exact tests of few images say 0.05 less often than that.
    EXPECT_LE(changed, 6);
    EXPECT_GT(small, tests / 100);
    EXPECT_LT(small, tests * 7 / 100);
}

TEST(FalseAlarms, LargeChangesAreFound) {
    const std::vector<std::pair<std::string, double>> planted = {
        {"accuracy", 0.15}, {"median_slift", 1.0}, {"peak_recall", 0.1}, {"auc", 0.3}, {"speed", 0.45}};
    for (const auto& [name, size] : planted) {
        int found = 0;
        for (std::uint64_t key = 0; key < 10; ++key) {
            const auto comparison =
                compare_results(simulated_run(1, key, 0, {}), simulated_run(1, key, 1, {"0/" + name, size}));
            for (const MeasureChange& change : comparison.changes) {
                found += change.id == "0/" + name && change.verdict == Verdict::regression ? 1 : 0;
            }
        }
        EXPECT_GE(found, 9) << name;
    }
}

}  // namespace
}  // namespace braggbench
