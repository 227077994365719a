#include "explain/map_profile.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "explain/explanation_rows.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 100;
const std::vector<double> ice_px = {30.0};

// A beam in the middle and a strip of gap, on which the map is `in_gap`.
struct Scene {
    Image<float> map{size_px, size_px};
    Mask valid{size_px, size_px, 1};

    explicit Scene(float in_gap = 0.0F) {
        for (int slow = 0; slow < size_px; ++slow) {
            valid(10, slow) = 0;
            map(10, slow) = in_gap;
        }
    }
    [[nodiscard]] std::optional<MapProfile> profile() const {
        return map_profile(RankedMap(map, valid), map, 50.0, 50.0, ice_px);
    }
};

TEST(MapProfile, OneEverywhereForAMapWithoutPreference) {
    Scene scene(1.0F);
    for (std::size_t i = 0; i < scene.map.size(); ++i) scene.map.pixels[i] = i % 2 == 0 ? 0.5F : 1.5F;
    const auto profile = scene.profile();
    ASSERT_TRUE(profile);
    for (const auto& density : profile->radial) EXPECT_NEAR(*density, 1.0, 0.05);
    EXPECT_NEAR(*profile->beam, 1.0, 0.05);
    EXPECT_NEAR(*profile->ice_rings, 1.0, 0.05);
}

TEST(MapProfile, TellsWhereTheMapIs) {
    Scene scene(9.0F);
    int bright = 0;
    for (int slow = 0; slow < size_px; ++slow) {
        for (int fast = 0; fast < size_px; ++fast) {
            const double radius = std::hypot(fast + 0.5 - 50.0, slow + 0.5 - 50.0);
            if (scene.valid(fast, slow) != 0 && std::abs(radius - 30.0) <= 2.5) {
                scene.map(fast, slow) = 2.0F;
                ++bright;
            }
        }
    }
    const auto profile = scene.profile();
    ASSERT_TRUE(profile);
    const double level = 2.0 * bright / (size_px * size_px - size_px);
    EXPECT_NEAR(*profile->ice_rings, 2.0 / level, 1e-9);
    EXPECT_NEAR(*profile->gaps, 9.0 / level, 1e-9);
    EXPECT_DOUBLE_EQ(*profile->beam, 0.0);
    EXPECT_DOUBLE_EQ(*profile->radial[0], 0.0);
    EXPECT_GT(*profile->radial[3], 2.0);  // 26 to 35 px
    scene.valid = Mask(size_px, size_px, 1);
    EXPECT_FALSE(scene.profile()->gaps);
}

TEST(MapProfile, NoneOfMapsThatCannotPoint) {
    Scene scene;
    EXPECT_FALSE(scene.profile());
    scene.map(50, 50) = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(scene.profile());
}

LocalisationScores with_slift(double slift, const std::vector<double>& nulls) {
    LocalisationScores scores;
    scores.slift = slift;
    scores.null_slift = nulls;
    return scores;
}

TEST(PermutationP, OfAllImagesTogether) {
    const std::vector<double> nulls = {0.5, 0.7, 0.9, 1.1, 1.3, 1.5};
    const std::vector<LocalisationScores> high(40, with_slift(1.4, nulls));
    const std::vector<LocalisationScores> usual(40, with_slift(1.0, nulls));
    const LocalisationScores undefined;
    const auto p = [&](const std::vector<LocalisationScores>& images) {
        std::vector<const LocalisationScores*> all = {&undefined};
        for (const LocalisationScores& image : images) all.push_back(&image);
        return permutation_p(all, 1);
    };
    // Each image alone has a null as high in one of six; that half of forty have is a matter of 1e-6.
    EXPECT_DOUBLE_EQ(*p(high), 1.0 / 2001.0);
    EXPECT_NEAR(*p(usual), 0.5, 0.15);
    EXPECT_FALSE(p({}));
}

}  // namespace
}  // namespace braggbench
