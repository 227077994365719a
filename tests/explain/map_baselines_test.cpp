#include "explain/map_baselines.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace braggbench {
namespace {

constexpr int size = 64;

// A bright isotropic background that falls from the middle, and one spot of a few photons at (20, 44).
Image<float> spot_on_slope() {
    Image<float> photons(size, size);
    for (int slow = 0; slow < size; ++slow) {
        for (int fast = 0; fast < size; ++fast) {
            photons(fast, slow) =
                100.0F * static_cast<float>(std::exp(-std::hypot(fast + 0.5 - 32.0, slow + 0.5 - 32.0) / 20.0));
        }
    }
    photons(20, 44) += 30.0F;
    return photons;
}

std::pair<int, int> place_of_maximum(const Image<float>& map) {
    const auto index = static_cast<int>(std::max_element(map.pixels.begin(), map.pixels.end()) - map.pixels.begin());
    return {index % map.width, index / map.width};
}

TEST(Baselines, IntensityRemovesTheRadialBackground) {
    const Mask valid(size, size, 1);
    const Image<float> map = intensity_map(spot_on_slope(), valid, 32.0, 32.0);
    EXPECT_EQ(place_of_maximum(map), std::make_pair(20, 44));
    EXPECT_NEAR(map(20, 44), 30.0, 2.0);
    EXPECT_GE(*std::min_element(map.pixels.begin(), map.pixels.end()), 0.0F);
}

TEST(Baselines, DifferenceOfGaussiansPeaksAtTheSpot) {
    const Mask valid(size, size, 1);
    EXPECT_EQ(place_of_maximum(difference_of_gaussians_map(spot_on_slope(), valid, 32.0, 32.0)),
              std::make_pair(20, 44));
}

TEST(Baselines, InvalidPixelsAreZero) {
    Mask valid(size, size, 1);
    valid(20, 44) = 0;
    EXPECT_FLOAT_EQ(intensity_map(spot_on_slope(), valid, 32.0, 32.0)(20, 44), 0.0F);
}

TEST(Baselines, RandomMapsAreKeyed) {
    EXPECT_EQ(random_pixel_map(size, size, 1, 2), random_pixel_map(size, size, 1, 2));
    EXPECT_NE(random_pixel_map(size, size, 1, 2), random_pixel_map(size, size, 1, 3));
    EXPECT_NE(random_pixel_map(size, size, 1, 2), random_pixel_map(size, size, 2, 2));
    EXPECT_EQ(random_coarse_map(size, size, 8, 1, 2), random_coarse_map(size, size, 8, 1, 2));
}

TEST(Baselines, CoarseMapIsSmooth) {
    const Image<float> map = random_coarse_map(size, size, 8, 1, 2);
    for (int fast = 1; fast < size; ++fast) {
        // One eighth of the range per pixel is the steepest slope between two units 8 px apart.
        EXPECT_LE(std::abs(map(fast, 10) - map(fast - 1, 10)), 0.126F);
    }
}

TEST(Baselines, RadialPriorFollowsTheTargetsDistance) {
    PeakTargets ring;
    ring.width_px = size;
    ring.height_px = size;
    for (int slow = 0; slow < size; ++slow) {
        for (int fast = 0; fast < size; ++fast) {
            const double radius = std::hypot(fast + 0.5 - 32.0, slow + 0.5 - 32.0);
            if (radius >= 18.0 && radius < 22.0 && fast < 32) {
                ring.pixels.push_back(static_cast<std::uint32_t>(slow * size + fast));
            }
        }
    }
    const std::vector<PeakTargets> others{ring};
    const Image<float> map = radial_prior_map(others, Mask(size, size, 1), 32.0, 32.0);
    // The other half of the ring gets the same: only the distance counts.
    EXPECT_FLOAT_EQ(map(12, 32), map(51, 31));
    EXPECT_GT(map(51, 31), 3.0F * map(32, 32));
    EXPECT_GT(map(51, 31), 3.0F * map(0, 0));
}

}  // namespace
}  // namespace braggbench
