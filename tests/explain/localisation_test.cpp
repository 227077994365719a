#include "explain/localisation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "explain/map_baselines.hpp"
#include "explain/registration.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

Peak visible_peak(double fast_px, double slow_px) {
    Peak peak;
    peak.fast_px = static_cast<float>(fast_px);
    peak.slow_px = static_cast<float>(slow_px);
    peak.visible = true;
    return peak;
}

Mask all_valid(int width, int height) { return {width, height, 1}; }

Image<float> as_map(const PeakTargets& targets) {
    Image<float> map(targets.width_px, targets.height_px);
    for (const std::uint32_t pixel : targets.pixels) {
        map.pixels[pixel] = 1.0F;
    }
    return map;
}

// Peaks drawn with a density that falls with the distance from the middle, as diffraction does.
std::vector<Peak> radial_peaks(std::uint64_t image, int count, int size, double sigma_px) {
    RandomStream random(7, image, Stage::scene);
    std::vector<Peak> peaks;
    while (static_cast<int>(peaks.size()) < count) {
        const double fast = 0.5 * size + sigma_px * random.normal();
        const double slow = 0.5 * size + sigma_px * random.normal();
        if (fast > 0 && fast < size && slow > 0 && slow < size) {
            peaks.push_back(visible_peak(fast, slow));
        }
    }
    return peaks;
}

struct RadialScene {
    static constexpr int size = 256;
    PeakTargets truth = make_targets(radial_peaks(0, 100, size, 50.0), size, size, 2.0);
    std::vector<PeakTargets> nulls;
    RadialScene() {
        for (std::uint64_t image = 1; image <= 20; ++image) {
            nulls.push_back(make_targets(radial_peaks(image, 100, size, 50.0), size, size, 2.0));
        }
    }
    [[nodiscard]] LocalisationScores score(const Image<float>& map) const {
        return score_map(map, all_valid(size, size), truth, nulls, {});
    }
};

TEST(PeakMask, DiscsOnPixelCentres) {
    // A peak on a pixel's centre: radius 0 is that pixel, 1 the plus of five, 2 the disc of thirteen.
    const std::vector<Peak> peaks{visible_peak(5.5, 4.5)};
    const auto count = [&](double radius) {
        const Mask mask = peak_mask(peaks, 11, 11, radius);
        return std::count(mask.pixels.begin(), mask.pixels.end(), 1);
    };
    EXPECT_EQ(count(0.0), 1);
    EXPECT_EQ(count(1.0), 5);
    EXPECT_EQ(count(2.0), 13);
    EXPECT_EQ(peak_mask(peaks, 11, 11, 0.0)(5, 4), 1);
}

TEST(PeakMask, LeavesOutInvisibleAndOutsidePeaks) {
    Peak hidden = visible_peak(3.5, 3.5);
    hidden.visible = false;
    const std::vector<Peak> peaks{hidden, visible_peak(-0.1, 3.0), visible_peak(8.0, 3.0)};
    EXPECT_TRUE(make_targets(peaks, 8, 8, 2.0).discs.empty());
    EXPECT_EQ(make_targets(peaks, 9, 8, 0.0).pixels, std::vector<std::uint32_t>{3 * 9 + 8});
}

TEST(PeakMask, RefusesANegativeRadius) { EXPECT_THROW(make_targets({}, 8, 8, -1.0), UsageError); }

TEST(ScoreMap, HandComputedMap) {
    // 4 x 1 pixels, radius 0: the true peak on pixel 0 (value 3), one null on pixel 1 (value 1), another on 2 (value
    // 2).
    Image<float> map(4, 1);
    map.pixels = {3.0F, 1.0F, 2.0F, -5.0F};
    const auto at = [](double fast) { return make_targets(std::vector<Peak>{visible_peak(fast, 0.5)}, 4, 1, 0.0); };
    const std::vector<PeakTargets> nulls{at(1.5), at(2.5)};
    const LocalisationScores scores = score_map(map, all_valid(4, 1), at(0.5), nulls, {.top_share = 0.25});
    EXPECT_EQ(scores.status, MapStatus::ok);
    EXPECT_DOUBLE_EQ(scores.rho, 0.25);
    EXPECT_DOUBLE_EQ(*scores.mass, 0.5);
    EXPECT_DOUBLE_EQ(*scores.lift, 2.0);
    EXPECT_DOUBLE_EQ(*scores.slift, 2.0);
    EXPECT_DOUBLE_EQ(*scores.slift_p, 1.0 / 3.0);
    EXPECT_DOUBLE_EQ(*scores.sauc, 1.0);
    EXPECT_DOUBLE_EQ(*scores.average_precision, 1.0);
    EXPECT_DOUBLE_EQ(*scores.peak_recall, 1.0);
    EXPECT_DOUBLE_EQ(*scores.peak_recall_chance, 0.0);
    // Null 1 against null 2: 1/2; null 2 against null 1: 2, but one null pixel cannot resolve more than 1.
    EXPECT_EQ(scores.null_slift, (std::vector<double>{0.5, 1.0}));

    const LocalisationScores second = score_map(map, all_valid(4, 1), at(2.5), std::vector{at(0.5), at(1.5)}, {});
    EXPECT_DOUBLE_EQ(*second.slift, 1.0);
    EXPECT_DOUBLE_EQ(*second.slift_p, 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(*second.sauc, 0.5);
    EXPECT_DOUBLE_EQ(*second.average_precision, 0.5);
}

TEST(ScoreMap, AveragePrecisionAveragesOverTies) {
    // Two of four tied pixels are positive. Enumerating the six orders gives mean AP = (1 + 5/6 + 3/4 + 7/12 + 1/2 +
    // 5/12) / 6 = 49/72.
    const auto at = [](std::vector<Peak> peaks) { return make_targets(peaks, 4, 1, 0.0); };
    const PeakTargets truth = at({visible_peak(0.5, 0.5), visible_peak(1.5, 0.5)});
    const std::vector<PeakTargets> nulls{at({visible_peak(3.5, 0.5)})};
    const LocalisationScores scores = score_uniform_map(all_valid(4, 1), truth, nulls, {.top_share = 0.5});
    EXPECT_NEAR(*scores.average_precision, 49.0 / 72.0, 1e-12);
    EXPECT_DOUBLE_EQ(*scores.sauc, 0.5);
    EXPECT_DOUBLE_EQ(*scores.slift, 1.0);
    EXPECT_DOUBLE_EQ(*scores.peak_recall, 0.5);
    EXPECT_DOUBLE_EQ(*scores.peak_recall_chance, 0.5);
}

TEST(ScoreMap, UniformMapIsAtChance) {
    const RadialScene scene;
    const LocalisationScores scores =
        score_uniform_map(all_valid(scene.size, scene.size), scene.truth, scene.nulls, {});
    EXPECT_NEAR(*scores.slift, 1.0, 1e-12);
    EXPECT_NEAR(*scores.lift, 1.0, 1e-12);
    EXPECT_NEAR(*scores.sauc, 0.5, 1e-12);
    EXPECT_NEAR(*scores.mass, scores.rho, 1e-12);
    EXPECT_NEAR(*scores.average_precision, scores.rho, 0.1 * scores.rho);
    EXPECT_NEAR(*scores.peak_recall, *scores.peak_recall_chance, 1e-2);
    EXPECT_DOUBLE_EQ(*scores.slift_p, 1.0);
}

TEST(ScoreMap, RadialPriorHasLiftButNoShuffledLift) {
    const RadialScene scene;
    const Image<float> map =
        radial_prior_map(scene.nulls, all_valid(scene.size, scene.size), 0.5 * scene.size, 0.5 * scene.size);
    const LocalisationScores scores = scene.score(map);
    EXPECT_GT(*scores.lift, 1.5);
    EXPECT_NEAR(*scores.slift, 1.0, 0.1);
    EXPECT_NEAR(*scores.sauc, 0.5, 0.05);
}

TEST(ScoreMap, TruthIsFound) {
    const RadialScene scene;
    const LocalisationScores scores = scene.score(as_map(scene.truth));
    EXPECT_GT(*scores.slift, 10.0);
    EXPECT_DOUBLE_EQ(*scores.slift_p, 1.0 / 21.0);
    EXPECT_DOUBLE_EQ(*scores.sauc, 1.0);
    EXPECT_NEAR(*scores.average_precision, 1.0, 1e-12);
    EXPECT_DOUBLE_EQ(*scores.peak_recall, 1.0);
    EXPECT_DOUBLE_EQ(*scores.mass, 1.0);
    EXPECT_GT(scores.null_slift.size(), 0U);
}

TEST(ScoreMap, PermutationPIsUniformForARandomMap) {
    // Truth and nulls are exchangeable for a map that knows nothing: p <= 0.5 in about half of the images.
    int below = 0;
    constexpr int images = 60;
    for (std::uint64_t image = 0; image < images; ++image) {
        std::vector<PeakTargets> nulls;
        for (std::uint64_t j = 1; j < 20; ++j) {
            nulls.push_back(make_targets(radial_peaks(1000 * image + j, 20, 64, 15.0), 64, 64, 1.0));
        }
        const PeakTargets truth = make_targets(radial_peaks(1000 * image, 20, 64, 15.0), 64, 64, 1.0);
        const LocalisationScores scores =
            score_map(random_pixel_map(64, 64, 3, image), all_valid(64, 64), truth, nulls, {});
        below += *scores.slift_p <= 0.5 ? 1 : 0;
    }
    EXPECT_NEAR(below, images / 2, 4 * std::sqrt(images / 4.0));
}

TEST(ScoreMap, NegativePartDoesNotCount) {
    const RadialScene scene;
    Image<float> map = as_map(scene.truth);
    const LocalisationScores positive = scene.score(map);
    for (float& value : map.pixels) {
        value = value > 0.0F ? value : -7.0F;
    }
    const LocalisationScores with_negative = scene.score(map);
    EXPECT_EQ(positive.slift, with_negative.slift);
    EXPECT_EQ(positive.average_precision, with_negative.average_precision);
}

TEST(ScoreMap, ZeroMapAndMissingPeaksAreUndefined) {
    const RadialScene scene;
    const LocalisationScores zero = scene.score(Image<float>(scene.size, scene.size, -1.0F));
    EXPECT_EQ(zero.status, MapStatus::all_zero);
    EXPECT_FALSE(zero.slift);
    EXPECT_FALSE(zero.sauc);

    PeakTargets none;
    none.width_px = scene.size;
    none.height_px = scene.size;
    const Image<float> map = uniform_map(scene.size, scene.size);
    const Mask valid = all_valid(scene.size, scene.size);
    EXPECT_FALSE(score_map(map, valid, none, scene.nulls, {}).slift);
    EXPECT_FALSE(score_map(map, valid, scene.truth, {}, {}).slift);
}

TEST(ScoreMap, InvalidPixelsAreIgnored) {
    const RadialScene scene;
    Image<float> map = as_map(scene.truth);
    Mask valid = all_valid(scene.size, scene.size);
    for (int slow = 0; slow < scene.size; ++slow) {
        map(3, slow) = std::numeric_limits<float>::quiet_NaN();
        valid(3, slow) = 0;
    }
    EXPECT_DOUBLE_EQ(*score_map(map, valid, scene.truth, scene.nulls, {}).mass, 1.0);
    EXPECT_EQ(scene.score(map).status, MapStatus::non_finite);
}

TEST(ScoreMap, RefusesWhatCannotBeScored) {
    const RadialScene scene;
    EXPECT_THROW(scene.score(Image<float>(8, 8, 1.0F)), UsageError);
    const Mask valid = all_valid(scene.size, scene.size);
    const Image<float> map = uniform_map(scene.size, scene.size);
    EXPECT_THROW(score_map(map, valid, scene.truth, scene.nulls, {.top_share = 0.0}), UsageError);
    EXPECT_THROW(score_map(map, valid, scene.truth, scene.nulls, {.top_share = 1.5}), UsageError);
}

TEST(Ceiling, ThePublishedGapBetweenCoarseAndFineGrids) {
    // 512 x 512 with 200 peaks: the finer the grid, the higher what even a perfect map can reach; a 16 x 16 map cannot
    // be told from chance by a fraction of its logarithm.
    constexpr int size = 512;
    const PeakTargets truth = make_targets(radial_peaks(0, 200, size, 110.0), size, size, 2.0);
    std::vector<PeakTargets> nulls;
    for (std::uint64_t image = 1; image <= 20; ++image) {
        nulls.push_back(make_targets(radial_peaks(image, 200, size, 110.0), size, size, 2.0));
    }
    std::vector<double> ceilings;
    for (const int units : {16, 32, 64, 128}) {
        const double stride = static_cast<double>(size) / units;
        const StageGrid grid{units, units, stride, 0.5 * (stride - 1.0)};
        const Image<float> oracle = oracle_map(truth, grid);
        LocalisationScores scores = score_map(oracle, all_valid(size, size), truth, nulls, {});
        add_ceiling(scores, scores);
        EXPECT_EQ(scores.ceiling_fraction.has_value(), *scores.slift >= 1.5);
        if (scores.ceiling_fraction) {
            EXPECT_DOUBLE_EQ(*scores.ceiling_fraction, 1.0);
        }
        ceilings.push_back(*scores.slift);
    }
    EXPECT_TRUE(std::is_sorted(ceilings.begin(), ceilings.end()));
    EXPECT_LT(ceilings[0], 1.5);
    EXPECT_GT(ceilings[3], 5.0);
}

TEST(Ceiling, FractionOfLogarithms) {
    LocalisationScores scores;
    LocalisationScores oracle;
    scores.slift = 2.0;
    oracle.slift = 8.0;
    add_ceiling(scores, oracle);
    EXPECT_NEAR(*scores.ceiling_fraction, 1.0 / 3.0, 1e-12);
    oracle.slift = 1.4;
    LocalisationScores hopeless;
    hopeless.slift = 1.2;
    add_ceiling(hopeless, oracle);
    EXPECT_FALSE(hopeless.ceiling_fraction);
    EXPECT_DOUBLE_EQ(*hopeless.oracle_slift, 1.4);
}

}  // namespace
}  // namespace braggbench
