#include "simulator/point_spread.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "simulator/error.hpp"
#include "simulator/faults.hpp"

namespace braggbench {
namespace {

double total(const Image<float>& image) { return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0); }

double total(const Image<double>& image) { return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0); }

constexpr PointSpread gaussian{.gaussian_fwhm_px = 2.5};
constexpr PointSpread fiber{.fiber_fwhm_px = 1.2, .fiber_fraction = 1.0, .radius_px = 40};
constexpr PointSpread both{.gaussian_fwhm_px = 1.8, .fiber_fwhm_px = 3.0, .fiber_fraction = 0.3, .radius_px = 40};

TEST(PointSpreadKernel, HoldsAllButTheReportedLoss) {
    for (const PointSpread& spread : {gaussian, fiber, both}) {
        EXPECT_NEAR(total(point_spread_kernel(spread)), 1.0 - lost_fraction(spread), 1e-12);
    }
    EXPECT_LT(lost_fraction(gaussian), 1e-12);
    // Outside a square of half side R lies a share g sqrt(2) 2 / (pi R) of the fibre's light, for g << R.
    const double g = 1.2 / 1.53284;
    EXPECT_NEAR(lost_fraction(fiber), g * std::numbers::sqrt2 * 2 / (std::numbers::pi * 40.5), 1e-4);
}

TEST(PointSpreadKernel, GaussianHasItsWidth) {
    const Image<double> kernel = point_spread_kernel(gaussian);
    double second = 0.0;
    for (int y = 0; y < kernel.height; ++y) {
        for (int x = 0; x < kernel.width; ++x) second += kernel(x, y) * (x - 64) * (x - 64);
    }
    const double sigma = 2.5 / std::sqrt(8 * std::numbers::ln2);
    // Integrating over a pixel adds its own variance.
    EXPECT_NEAR(second, sigma * sigma + 1.0 / 12, 1e-8);
}

TEST(PointSpreadKernel, FiberFollowsItsProfile) {
    constexpr PointSpread wide{.fiber_fwhm_px = 30.0, .fiber_fraction = 1.0, .radius_px = 60};
    const Image<double> kernel = point_spread_kernel(wide);
    const double g = 30.0 / (2 * std::sqrt(std::cbrt(4.0) - 1));
    const auto density = [&](double r2) { return g / (2 * std::numbers::pi) * std::pow(g * g + r2, -1.5); };
    // Pixels much smaller than the width: the profile at their centres.
    EXPECT_NEAR(kernel(60, 60) / density(0), 1.0, 2e-3);
    EXPECT_NEAR(kernel(60 + 15, 60) / kernel(60, 60), 0.5, 1e-3);
    EXPECT_NEAR(kernel(60 - 40, 60 + 30) / density(2500), 1.0, 1e-3);
}

class PointSpreads : public testing::TestWithParam<PointSpread> {};

TEST_P(PointSpreads, OnePhotonBecomesTheKernel) {
    const PointSpread& spread = GetParam();
    const Image<double> kernel = point_spread_kernel(spread);
    const int r = spread.radius_px;
    Image<float> photons(200, 150);
    photons(90, 70) = 1000.0F;
    apply_point_spread(spread, photons);
    for (int y = 0; y < photons.height; ++y) {
        for (int x = 0; x < photons.width; ++x) {
            const int dx = x - 90;
            const int dy = y - 70;
            const double expected = std::abs(dx) <= r && std::abs(dy) <= r ? 1000.0 * kernel(r + dx, r + dy) : 0.0;
            ASSERT_NEAR(static_cast<double>(photons(x, y)), expected, 1e-4) << x << ' ' << y;
        }
    }
    EXPECT_NEAR(total(photons), 1000.0 * (1.0 - lost_fraction(spread)), 0.02);
}

TEST_P(PointSpreads, FlatLightStaysFlatAwayFromTheEdgesAndIsHalvedAtThem) {
    const PointSpread& spread = GetParam();
    Image<float> photons(160, 130, 50.0F);
    apply_point_spread(spread, photons);
    const double kept = 1.0 - lost_fraction(spread);
    EXPECT_NEAR(static_cast<double>(photons(80, 65)), 50.0 * kept, 1e-3);
    // At the edge half of the light, and half of what the edge row itself holds, comes from outside.
    const Image<double> kernel = point_spread_kernel(spread);
    double own_row = 0.0;
    for (int y = 0; y < kernel.height; ++y) own_row += kernel(spread.radius_px, y);
    EXPECT_NEAR(static_cast<double>(photons(0, 65)), 50.0 * (kept + own_row) / 2, 1e-3);
}

TEST_P(PointSpreads, LightDoesNotComeBackFromTheFarEdge) {
    const PointSpread& spread = GetParam();
    Image<float> photons(64, 64);
    photons(0, 0) = 1e6F;
    apply_point_spread(spread, photons);
    const Image<double> kernel = point_spread_kernel(spread);
    const int r = spread.radius_px;
    const double far = r >= 63 ? 1e6 * kernel(r + 63, r) : 0.0;
    EXPECT_NEAR(static_cast<double>(photons(63, 0)), far, 0.5);
    EXPECT_NEAR(static_cast<double>(photons(63, 63)), 0.0, 0.5);
}

// Sums over the kernel, for images of odd and of few rows and columns.
TEST_P(PointSpreads, IsTheSumOverTheKernel) {
    const PointSpread& spread = GetParam();
    const int r = spread.radius_px;
    const Image<double> kernel = point_spread_kernel(spread);
    for (const auto& [width, height] : {std::pair{1, 1}, {3, 7}, {23, 12}, {58, 33}}) {
        Image<float> photons(width, height);
        for (std::size_t i = 0; i < photons.size(); ++i) photons.pixels[i] = static_cast<float>(i * 7919 % 101);
        const Image<float> before = photons;
        apply_point_spread(spread, photons);
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                double sum = 0.0;
                for (int v = std::max(0, y - r); v <= std::min(height - 1, y + r); ++v) {
                    for (int u = std::max(0, x - r); u <= std::min(width - 1, x + r); ++u) {
                        sum += kernel(r + x - u, r + y - v) * static_cast<double>(before(u, v));
                    }
                }
                ASSERT_NEAR(static_cast<double>(photons(x, y)), sum, 1e-4) << width << ' ' << x << ' ' << y;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(PointSpread, PointSpreads, testing::Values(gaussian, fiber, both));

TEST(PointSpread, NoneChangesNothing) {
    Image<float> photons(5, 4, 3.0F);
    apply_point_spread({}, photons);
    EXPECT_EQ(photons, Image<float>(5, 4, 3.0F));
    EXPECT_FALSE(spreads({}));
    // A fraction of a fibre without a width stays where it is.
    EXPECT_FALSE(spreads({.fiber_fraction = 0.5}));
}

TEST(PointSpread, NamesItsFaults) {
    Faults faults;
    check(PointSpread{.gaussian_fwhm_px = -1, .fiber_fwhm_px = NAN, .fiber_fraction = 2, .radius_px = 0}, faults);
    try {
        faults.report();
        FAIL();
    } catch (const UsageError& error) {
        for (const char* name : {"gaussian_fwhm_px", "fiber_fwhm_px", "fiber_fraction", "radius_px"}) {
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << name;
        }
    }
}

}  // namespace
}  // namespace braggbench
