// What maps of a label are scored against: the label's own peaks, or the rings of ice.
#include "explain/label_truth.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "datasets/generate.hpp"
#include "datasets/recipe_toml.hpp"
#include "explain/ice_ring_targets.hpp"
#include "explain/localisation.hpp"
#include "explain/map_baselines.hpp"
#include "explain/map_scorer.hpp"
#include "explain/score_maps.hpp"
#include "simulator/error.hpp"
#include "tests/datasets/small_corpus.hpp"

namespace braggbench {
namespace {

Peak peak_of(int lattice, PeakKind kind) {
    Peak peak;
    peak.lattice = static_cast<std::uint8_t>(lattice);
    peak.kind = kind;
    peak.visible = true;
    return peak;
}

TEST(LabelTruth, EachLabelItsOwnPeaks) {
    const std::vector<Peak> peaks = {peak_of(1, PeakKind::protein), peak_of(0, PeakKind::protein),
                                     peak_of(1, PeakKind::protein), peak_of(2, PeakKind::ice),
                                     peak_of(2, PeakKind::ice),     peak_of(2, PeakKind::ice)};
    EXPECT_EQ(peaks_of_label(LabelTruth::peaks, peaks).size(), 3U);
    const std::vector<Peak> second = peaks_of_label(LabelTruth::second_lattice, peaks);
    ASSERT_EQ(second.size(), 1U);  // lattice 1 has the most
    EXPECT_EQ(second[0].lattice, 0);
    EXPECT_TRUE(peaks_of_label(LabelTruth::second_lattice, {peaks[1]}).empty());
    EXPECT_TRUE(peaks_of_label(LabelTruth::second_lattice, {}).empty());
}

IceRings circles(int size, const std::vector<double>& radii_px) {
    IceRings rings{radii_px, Image<float>(size, size), 0.5 * size, 0.5 * size};
    for (int slow = 0; slow < size; ++slow) {
        for (int fast = 0; fast < size; ++fast) {
            rings.radius_px(fast, slow) =
                static_cast<float>(std::hypot(fast + 0.5 - 0.5 * size, slow + 0.5 - 0.5 * size));
        }
    }
    return rings;
}

TEST(RingTargets, RingsAndNullsBetweenThem) {
    const IceRings rings = circles(256, {60.0, 80.0, 110.0});
    const TargetSet set = ring_targets(rings, 2.0, 20, 1, 5);
    EXPECT_EQ(set.truth.discs.size(), 3U * 36U);
    EXPECT_EQ(set.nulls.size(), 20U);
    for (const std::uint32_t pixel : set.truth.pixels) {
        const float radius = rings.radius_px.pixels[pixel];
        EXPECT_TRUE(std::any_of(rings.radii_px.begin(), rings.radii_px.end(),
                                [radius](double ring) { return std::abs(radius - ring) <= 2.5; }));
    }
    for (const PeakTargets& null : set.nulls) {
        EXPECT_FALSE(null.pixels.empty());
        for (const std::uint32_t pixel : null.pixels) {
            for (const double ring : rings.radii_px) {
                EXPECT_GT(std::abs(rings.radius_px.pixels[pixel] - ring), 2.5);
            }
        }
    }
    EXPECT_EQ(ring_targets(rings, 2.0, 20, 1, 5).nulls[3].pixels, set.nulls[3].pixels);
    EXPECT_NE(ring_targets(rings, 2.0, 20, 1, 6).nulls[3].pixels, set.nulls[3].pixels);
}

TEST(RingTargets, ChanceIsOneWithoutKnowledgeOfIce) {
    const IceRings rings = circles(256, {60.0, 80.0, 110.0});
    const Mask valid(256, 256, 1);
    // A map that falls evenly with the distance from the beam knows no ring; nulls inside and outside cancel it.
    Image<float> slope(256, 256);
    for (std::size_t i = 0; i < slope.size(); ++i) slope.pixels[i] = 200.0F - rings.radius_px.pixels[i];
    double sum = 0.0;
    double random_sum = 0.0;
    constexpr int images = 40;
    for (std::int64_t image = 0; image < images; ++image) {
        const TargetSet set = ring_targets(rings, 2.0, 20, 1, image);
        sum += *score_map(slope, valid, set.truth, set.nulls, {}).slift;
        const Image<float> noise = random_pixel_map(256, 256, 3, static_cast<std::uint64_t>(image));
        random_sum += *score_map(noise, valid, set.truth, set.nulls, {}).slift;
    }
    EXPECT_NEAR(sum / images, 1.0, 0.03);
    EXPECT_NEAR(random_sum / images, 1.0, 0.005);
}

// The recipe `ci` with much smooth ice and both lattices plain.
class IcyCorpus : public testing::Test {
protected:
    static void SetUpTestSuite() {
        folder = new test::ScratchFolder();
        const Recipe recipe = load_recipe(
            "ci", {"corpus.image_count=24", "variation.ice.prevalence=0.5", "variation.ice.ice.thickness_um=30",
                   "detector.width_px=160", "detector.height_px=160", "detector.beam_fast_px=80",
                   "detector.beam_slow_px=81", "crystal.volume_um3=300", "detector.pixel_size_mm=0.6"});
        generate(recipe, *folder / "corpus.h5", 1, {});
    }
    static void TearDownTestSuite() { delete folder; }
    static MapScorerOptions options(const std::string& label) {
        MapScorerOptions result;
        result.view.size_px = 160;
        result.label = label;
        result.nulls_per_image = 6;
        return result;
    }
    static inline test::ScratchFolder* folder = nullptr;
    CorpusReader corpus{*folder / "corpus.h5"};
};

TEST_F(IcyCorpus, LabelsAreToldByTheirRules) {
    EXPECT_EQ(truth_of_label(corpus.info(), ""), LabelTruth::peaks);
    EXPECT_EQ(truth_of_label(corpus.info(), "crystal"), LabelTruth::peaks);
    EXPECT_EQ(truth_of_label(corpus.info(), "multilattice"), LabelTruth::second_lattice);
    EXPECT_EQ(truth_of_label(corpus.info(), "ice"), LabelTruth::ice_rings);
    try {
        truth_of_label(corpus.info(), "icy");
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("Did you mean \"ice\""), std::string::npos) << error.what();
    }
}

TEST_F(IcyCorpus, RingsLieWhereTheImageIsBright) {
    const MapScorer scorer(corpus, options("ice"));
    int with_ice = 0;
    for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
        const ScoredImage image = scorer.image(i);
        const bool iced = corpus.labels()[static_cast<std::size_t>(i)].attributes[1] != 0;
        EXPECT_EQ(image.has_truth(), iced) << i;
        if (!iced) continue;
        ++with_ice;
        EXPECT_TRUE(image.peaks.empty());
        EXPECT_EQ(image.targets.nulls.size(), 6U);
        // The picture itself, and the background between the rings as its null.
        const ImageScore score = scorer.score(image, image.view.photons);
        EXPECT_GT(*score.scores.slift, 1.1) << i;
        EXPECT_DOUBLE_EQ(*score.scores.slift_p, 1.0 / 7.0) << i;
    }
    EXPECT_EQ(with_ice, 12);
}

TEST_F(IcyCorpus, RingsHaveTheKnownSpacings) {
    const IceRingTruth truth(corpus);
    const MapScorer scorer(corpus, options("ice"));
    for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
        const ScoredImage image = scorer.image(i);
        const IceRings rings = truth.rings(i, image.view);
        if (rings.radii_px.empty()) continue;
        // The strongest, d = 3.669 A: 100 mm tan(2 asin(1.3 / (2 3.669))) / 0.6 mm.
        const double strongest_px = 100.0 * std::tan(2.0 * std::asin(0.5 * 1.3 / 3.669)) / 0.6;
        EXPECT_TRUE(std::any_of(rings.radii_px.begin(), rings.radii_px.end(),
                                [&](double radius) { return std::abs(radius - strongest_px) < 0.3; }));
    }
}

TEST_F(IcyCorpus, SecondLatticeAlone) {
    const MapScorer all(corpus, options(""));
    const MapScorer second(corpus, options("multilattice"));
    int defined = 0;
    for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
        const ScoredImage image = second.image(i);
        if (!image.is_defined()) continue;
        ++defined;
        EXPECT_LT(image.peaks.size(), all.image(i).peaks.size());
        const auto oracle = second.score_oracle(image, {160, 160, 1.0, 0.0});
        EXPECT_DOUBLE_EQ(*oracle.scores.sauc, 1.0);
        EXPECT_DOUBLE_EQ(*oracle.scores.ceiling_fraction, 1.0);
        EXPECT_EQ(oracle.bands.size(), peak_bands.size());
    }
    EXPECT_GT(defined, 3);
}

TEST_F(IcyCorpus, ScoresAFileOfMaps) {
    MapFileInfo info{"photons", "input", {}, {160, 160, 1.0, 0.0}};
    info.view.size_px = 160;
    const MapScorer scorer(corpus, options(""));
    {
        MapWriter writer(*folder / "maps.h5", info);
        for (std::int64_t i = 0; i < 12; ++i) {
            Image<float> map = scorer.image(i).view.photons;
            if (i == 3) map.pixels.assign(map.size(), 0.0F);
            if (i == 4) map.pixels.assign(map.size(), 1.0F);
            if (i == 5) map(80, 80) = std::nanf("");
            writer.append(i, map);
        }
        writer.finish();
    }
    ScoreMapsOptions score;
    score.nulls_per_image = 6;
    score.localisation.other_radii_px = {0.0, 4.0};
    score.threads = 1;
    const MapFile maps(*folder / "maps.h5");
    const nlohmann::json result = score_maps(maps, corpus, score, {});
    EXPECT_EQ(result.at("images"), 12);
    EXPECT_EQ(result.at("truth"), "peaks");
    const auto& given = result.at("rows").front();
    EXPECT_EQ(given.at("map"), "photons");
    EXPECT_GT(given.at("slift").at("value").get<double>(), 1.2);
    EXPECT_EQ(given.at("by_radius").size(), 2U);
    const int unusable = given.at("zero_maps").get<int>() + given.at("constant_maps").get<int>() +
                         given.at("non_finite_maps").get<int>();
    const int undefined = result.at("undefined_images").get<int>();
    EXPECT_EQ(given.at("images").get<int>() + unusable + undefined, 12);
    std::vector<std::string> names;
    for (const auto& row : result.at("rows")) names.push_back(row.at("map"));
    EXPECT_EQ(names, (std::vector<std::string>{"photons", "uniform", "random_pixels", "random_coarse", "radial_prior",
                                               "intensity", "difference_of_gaussians", "oracle"}));
    EXPECT_NEAR(result.at("rows")[1].at("slift").at("value").get<double>(), 1.0, 1e-9);
    score.threads = 3;
    EXPECT_TRUE(score_maps(maps, corpus, score, {}) == result);

    score.label = "ice";
    EXPECT_EQ(score_maps(maps, corpus, score, {}).at("truth"), "ice_rings");
}

TEST_F(IcyCorpus, RefusesWhatCannotBeScored) {
    MapScorerOptions tiles = options("");
    tiles.view = parse_view("tiles:96:8");
    EXPECT_THROW(MapScorer(corpus, tiles), UsageError);
    MapScorerOptions none = options("");
    none.nulls_per_image = 0;
    EXPECT_THROW(MapScorer(corpus, none), UsageError);
    EXPECT_THROW(MapScorer(corpus, options("mosaicity")), UsageError);
}

}  // namespace
}  // namespace braggbench
