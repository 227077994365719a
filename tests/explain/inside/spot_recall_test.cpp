#include "explain/inside/spot_recall.hpp"

#include <gtest/gtest.h>

#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 48;

std::vector<Peak> peaks_at(const std::vector<std::pair<int, int>>& places) {
    std::vector<Peak> peaks;
    for (const auto& [fast, slow] : places) {
        Peak peak;
        peak.visible = true;
        peak.fast_px = static_cast<float>(fast) + 0.5F;
        peak.slow_px = static_cast<float>(slow) + 0.5F;
        peaks.push_back(peak);
    }
    return peaks;
}

TargetSet targets_at(const std::vector<std::pair<int, int>>& places,
                     const std::vector<std::vector<std::pair<int, int>>>& nulls) {
    TargetSet set{make_targets(peaks_at(places), size_px, size_px, 2.0), {}};
    for (const auto& null : nulls) set.nulls.push_back(make_targets(peaks_at(null), size_px, size_px, 2.0));
    return set;
}

// A slope, which is no spot, and bright pixels on it.
Image<float> spots_at(const std::vector<std::pair<int, int>>& places) {
    Image<float> picture(size_px, size_px);
    for (int slow = 0; slow < size_px; ++slow) {
        for (int fast = 0; fast < size_px; ++fast) picture(fast, slow) = static_cast<float>(fast);
    }
    for (const auto& [fast, slow] : places) picture(fast, slow) += 5.0F;
    return picture;
}

TEST(SpotRecall, FindsSpotsWithinTwoPixels) {
    const Image<std::uint8_t> valid(size_px, size_px, 1);
    const TargetSet targets = targets_at({{10, 10}, {20, 30}, {40, 8}}, {{{5, 40}, {44, 44}}});
    const auto all = spot_recall(spots_at({{10, 12}, {20, 30}, {39, 8}}), valid, targets);
    ASSERT_TRUE(all);
    EXPECT_DOUBLE_EQ(all->recall, 1.0);
    ASSERT_EQ(all->null_recalls.size(), 1U);
    EXPECT_DOUBLE_EQ(all->null_recalls[0], 0.0);
    const auto one = spot_recall(spots_at({{10, 13}, {20, 30}, {44, 43}}), valid, targets);
    ASSERT_TRUE(one);
    EXPECT_DOUBLE_EQ(one->recall, 1.0 / 3.0);
    EXPECT_DOUBLE_EQ(one->null_recalls[0], 0.5);
}

TEST(SpotRecall, TakesAsManySpotsAsThereArePeaks) {
    const Image<std::uint8_t> valid(size_px, size_px, 1);
    Image<float> picture = spots_at({{10, 10}});
    picture(30, 30) += 50.0F;  // stronger, and alone counts
    const auto recall = spot_recall(picture, valid, targets_at({{10, 10}}, {{{5, 40}}}));
    ASSERT_TRUE(recall);
    EXPECT_DOUBLE_EQ(recall->recall, 0.0);
    // Before anything of the slope, whose upper edge is a ridge.
    EXPECT_EQ(strongest_spots(picture, valid, 2), (std::vector<std::uint32_t>{30 * size_px + 30, 10 * size_px + 10}));
}

TEST(SpotRecall, InvalidPixelsAreNoSpots) {
    Image<std::uint8_t> valid(size_px, size_px, 1);
    Image<float> picture = spots_at({{10, 10}});
    picture(30, 30) += 50.0F;
    valid(30, 30) = 0;
    EXPECT_EQ(strongest_spots(picture, valid, 1), (std::vector<std::uint32_t>{10 * size_px + 10}));
}

TEST(SpotRecall, UndefinedWithoutPeaksOrNulls) {
    const Image<std::uint8_t> valid(size_px, size_px, 1);
    const Image<float> picture = spots_at({{10, 10}});
    EXPECT_FALSE(spot_recall(picture, valid, targets_at({}, {{{5, 40}}})));
    EXPECT_FALSE(spot_recall(picture, valid, targets_at({{10, 10}}, {})));
    EXPECT_FALSE(spot_recall(picture, valid, targets_at({{10, 10}}, {{}})));
}

TEST(SpotRecall, IsAtChanceOnRandomPictures) {
    const Image<std::uint8_t> valid(size_px, size_px, 1);
    double recall = 0.0;
    double chance = 0.0;
    constexpr int pictures = 200;
    for (int k = 0; k < pictures; ++k) {
        RandomStream random(8, static_cast<std::uint64_t>(k), Stage::scene);
        const auto places = [&] {
            std::vector<std::pair<int, int>> drawn;
            for (int i = 0; i < 12; ++i) {
                drawn.emplace_back(static_cast<int>(random.uniform(0.0, size_px)),
                                   static_cast<int>(random.uniform(0.0, size_px)));
            }
            return drawn;
        };
        Image<float> picture(size_px, size_px);
        for (float& value : picture.pixels) value = static_cast<float>(random.normal());
        const auto found = spot_recall(picture, valid, targets_at(places(), {places(), places()}));
        ASSERT_TRUE(found);
        recall += found->recall / pictures;
        chance += 0.5 * (found->null_recalls[0] + found->null_recalls[1]) / pictures;
    }
    // Shares of 12 peaks in 200 pictures: a deviation below 0.01 of the difference.
    EXPECT_NEAR(recall, chance, 0.03);
    EXPECT_GT(chance, 0.01);
}

}  // namespace
}  // namespace braggbench
