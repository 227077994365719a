#include "datasets/view_labels.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "planted_peaks.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Every crop of a made-up truth, counted peak by peak from the definition.
TEST(view_labels, support_in_random_crops_agrees_with_brute_force) {
    std::mt19937 random(3);
    std::uniform_real_distribution<float> place(-5.0F, 105.0F);
    DetectorImage image;
    image.values = Image<float>(100, 100, 1.0F);
    image.valid = Image<std::uint8_t>(100, 100, 1);
    for (auto& valid : image.valid.pixels) valid = random() % 5 != 0 ? 1 : 0;
    int lost_hits = 0;
    int lost_lattices = 0;
    int lost_ice = 0;
    for (std::uint64_t index = 0; index < 200; ++index) {
        std::vector<Peak> peaks(random() % 12);
        for (Peak& peak : peaks) {
            peak.fast_px = place(random);
            peak.slow_px = place(random);
            peak.lattice = static_cast<std::uint8_t>(random() % 2);
            peak.kind = random() % 4 == 0 ? PeakKind::ice : PeakKind::protein;
            peak.visible = random() % 3 != 0;
        }
        const View view = make_view(image, parse_view("crop:random:60"), 1.0, 0.0, {1, index, 0});
        const LabelSupport support = supported_labels(peaks, view, 3);

        VisibleTruth native;
        VisibleTruth seen;
        std::set<int> native_lattices;
        std::set<int> seen_lattices;
        const int left = static_cast<int>(view.placement.fast_offset_px);
        const int top = static_cast<int>(view.placement.slow_offset_px);
        for (const Peak& peak : peaks) {
            if (!peak.visible) continue;
            const bool protein = peak.kind == PeakKind::protein;
            const int fast = static_cast<int>(std::floor(peak.fast_px));
            const int slow = static_cast<int>(std::floor(peak.slow_px));
            const bool in =
                fast >= left && slow >= top && fast < left + 60 && slow < top + 60 && image.valid(fast, slow) != 0;
            (protein ? native.visible_peaks : native.visible_ice_peaks) += 1;
            if (protein) native_lattices.insert(peak.lattice);
            if (!in) continue;
            (protein ? seen.visible_peaks : seen.visible_ice_peaks) += 1;
            if (protein) seen_lattices.insert(peak.lattice);
        }
        native.visible_lattices = static_cast<int>(native_lattices.size());
        seen.visible_lattices = static_cast<int>(seen_lattices.size());
        native.hit = native.visible_peaks >= 3;
        seen.hit = seen.visible_peaks >= 3;
        EXPECT_EQ(support.native, native);
        EXPECT_EQ(support.view, seen);
        EXPECT_EQ(support.hit_kept(), native.hit == seen.hit);
        lost_hits += support.hit_kept() ? 0 : 1;
        lost_lattices += support.lattices_kept() ? 0 : 1;
        lost_ice += support.ice_kept() ? 0 : 1;
    }
    EXPECT_GT(lost_hits, 10);
    EXPECT_GT(lost_lattices, 10);
    EXPECT_GT(lost_ice, 10);
}

TEST(view_labels, a_whole_view_supports_every_label) {
    const test::Planted planted = test::plant_peaks(300, 200, 2.0);
    for (const char* text : {"native", "downsample:max:100", "downsample:bilinear:128"}) {
        const LabelSupport support =
            supported_labels(planted.peaks, make_view(planted.image, parse_view(text), 1.0, 0.0), 5);
        EXPECT_EQ(support.native, support.view);
        EXPECT_TRUE(support.native.hit);
        EXPECT_TRUE(support.hit_kept() && support.lattices_kept() && support.ice_kept());
    }
    EXPECT_THROW(supported_labels({}, make_view(planted.image, ViewSpec{}, 1.0, 0.0), 0), UsageError);
}

TEST(view_labels, tiles_join_by_mean_or_by_the_strongest) {
    const std::vector<std::vector<double>> tiles = {{0.9, 0.1, 0.0}, {0.1, 0.6, 0.3}, {0.8, 0.1, 0.1}};
    const std::vector<double> mean = join_tiles(tiles, TileJoin::mean);
    EXPECT_NEAR(mean[0], 0.6, 1e-12);
    EXPECT_NEAR(mean[1], 0.8 / 3.0, 1e-12);
    // Classes 1 and 2 are hits: the second tile has 0.9 of them.
    EXPECT_EQ(join_tiles(tiles, TileJoin::max, std::vector<std::size_t>{1, 2}), tiles[1]);
    EXPECT_EQ(join_tiles(tiles, TileJoin::max), (std::vector<double>{0.9, 0.6, 0.3}));
    EXPECT_THROW(join_tiles({}, TileJoin::mean), UsageError);
    EXPECT_THROW(join_tiles(std::vector<std::vector<double>>{{1.0}, {0.5, 0.5}}, TileJoin::mean), UsageError);
    EXPECT_THROW(join_tiles(tiles, TileJoin::max, std::vector<std::size_t>{3}), UsageError);
}

}  // namespace
}  // namespace braggbench
