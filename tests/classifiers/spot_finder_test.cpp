#include "classifiers/spot_finder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

Image<float> poisson_image(int size, double mean, std::uint64_t seed) {
    RandomStream random(seed, 0, Stage::photon_noise);
    Image<float> image(size, size);
    for (auto& value : image.pixels) value = static_cast<float>(random.poisson(mean));
    return image;
}

TEST(SpotFinder, FindsSpotsAtTheirCentroids) {
    auto image = poisson_image(128, 4.0, 1);
    for (int k = 0; k < 10; ++k) {
        image(10 + 11 * k, 20 + 9 * k) += 100.0F;
        image(11 + 11 * k, 20 + 9 * k) += 100.0F;
    }
    const auto spots = find_spots(image, {});
    ASSERT_EQ(spots.size(), 10U);
    EXPECT_NEAR(spots[0].fast_px, 11.0, 0.2);
    EXPECT_NEAR(spots[0].slow_px, 20.5, 0.2);
    EXPECT_NEAR(spots[0].photons, 200.0, 30.0);
}

TEST(SpotFinder, NoiseAloneHasAlmostNone) {
    for (const double mean : {0.02, 0.3, 3.0, 50.0}) {
        EXPECT_LE(find_spots(poisson_image(512, mean, 2), {}).size(), 2U) << mean << " photons per pixel";
    }
}

TEST(SpotFinder, MaskedPixelsMakeNoSpotsAndHideNone) {
    auto image = poisson_image(64, 4.0, 3);
    image(20, 20) = 500.0F;
    image(40, 40) = 500.0F;
    Image<std::uint8_t> valid(64, 64, 1);
    valid(20, 20) = 0;
    // A gap beside the other spot, filled with zeros as readers do: it must not pull the background down.
    for (int y = 0; y < 64; ++y) {
        for (int x = 43; x < 50; ++x) {
            image(x, y) = 0.0F;
            valid(x, y) = 0;
        }
    }
    const auto spots = find_spots(image, valid);
    ASSERT_EQ(spots.size(), 1U);
    EXPECT_NEAR(spots[0].fast_px, 40.5, 0.1);
    EXPECT_THROW(find_spots(image, Image<std::uint8_t>(3, 3, 1)), UsageError);
}

TEST(SpotFinder, APlateauCountsOnce) {
    Image<float> image(32, 32, 1.0F);
    for (const int x : {10, 11}) {
        for (const int y : {10, 11}) image(x, y) = 50.0F;
    }
    EXPECT_EQ(find_spots(image, {}).size(), 1U);
}

}  // namespace
}  // namespace braggbench
