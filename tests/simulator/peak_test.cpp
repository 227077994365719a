#include "simulator/peak.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace braggbench {
namespace {

TEST(SignalToNoise, IsTheSquareRootOfTheSignalWithoutBackground) {
    Peak peak;
    peak.photons = 64;
    peak.var_fast_px2 = peak.var_slow_px2 = 1;
    EXPECT_FLOAT_EQ(signal_to_noise(peak, 0.0), 8.0F);
}

TEST(SignalToNoise, CountsBackgroundOverTheNoiseEquivalentArea) {
    Peak peak;
    peak.photons = 100;
    peak.var_fast_px2 = 4;
    peak.var_slow_px2 = 2;
    peak.cov_px2 = 2;  // sqrt(det) = 2
    peak.background_photons = 3;
    const double area = 8 * std::numbers::pi;
    EXPECT_NEAR(signal_to_noise(peak, 2.0), 100 / std::sqrt(100 + area * (3 + 4)), 1e-4);
}

// The definition of the effective area: 1 / integral of the squared profile.
TEST(SignalToNoise, AreaIsTheInverseIntegralOfTheSquaredProfile) {
    const double sigma = 1.7;
    double squared = 0;
    for (double x = -10; x < 10; x += 0.1) {
        for (double y = -10; y < 10; y += 0.1) {
            const double profile =
                std::exp(-0.5 * (x * x + y * y) / (sigma * sigma)) / (2 * std::numbers::pi * sigma * sigma);
            squared += profile * profile * 0.01;
        }
    }
    Peak peak;
    peak.photons = 1;
    peak.var_fast_px2 = peak.var_slow_px2 = static_cast<float>(sigma * sigma);
    peak.background_photons = 1000;
    EXPECT_NEAR(signal_to_noise(peak, 0.0), 1 / std::sqrt(1 + 1000 / squared), 1e-5);
}

TEST(SignalToNoise, NoSignalIsZero) { EXPECT_EQ(signal_to_noise(Peak{}, 1.0), 0.0F); }

}  // namespace
}  // namespace braggbench
