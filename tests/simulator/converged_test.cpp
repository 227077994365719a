// A few rows of the table in docs/spots.md: the spots integrator against the converged pixels integrator.
#include "tests/simulator/converged.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace braggbench {
namespace {

struct Case {
    std::string name;
    SmearedScene scene;
    int samples;
    double spot_r, pixel_r, correlation;  // bounds; what the judge does not know itself is part of them
};
void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class Converged : public testing::TestWithParam<Case> {};

TEST_P(Converged, SpotsAgree) {
    const Case& expected = GetParam();
    const Agreement agreement = compare_with_converged(smeared_scene(expected.scene), expected.samples, 16);
    RecordProperty("R", std::to_string(agreement.spot_r));
    RecordProperty("judge_R", std::to_string(agreement.judge_spot_r));
    RecordProperty("pixel_R", std::to_string(agreement.pixel_r));
    EXPECT_GE(agreement.peaks, 5U);
    EXPECT_LT(agreement.spot_r, expected.spot_r);
    EXPECT_LT(agreement.pixel_r, expected.pixel_r);
    EXPECT_GT(agreement.correlation, expected.correlation);
}

using Laws = SmearedScene::Laws;
INSTANTIATE_TEST_SUITE_P(
    Spots, Converged,
    testing::Values(Case{"shape", {Laws::gaussian, 0, 0, 0}, 256, 0.001, 0.004, 0.9999},
                    Case{"everything", {Laws::gaussian, 0.02, 0.003, 0.3}, 1 << 15, 0.003, 0.01, 0.9999},
                    Case{"cap", {Laws::edged, 0.1, 0, 0}, 1 << 15, 0.005, 0.015, 0.9999},
                    Case{"top_hat", {Laws::edged, 0, 0.01, 0}, 1 << 15, 0.003, 0.01, 0.9999},
                    Case{"wide_band", {Laws::gaussian, 0, 0.06, 0}, 1 << 15, 0.003, 0.01, 0.9999},
                    Case{"cap_and_top_hat", {Laws::edged, 0.2, 0.003, 0}, 1 << 15, 0.004, 0.02, 0.9999},
                    Case{"cap_and_divergence", {Laws::edged, 0.2, 0, 1}, 1 << 15, 0.006, 0.05, 0.9993}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace braggbench
