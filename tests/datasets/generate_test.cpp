#include "datasets/generate.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "datasets/recipe_stream.hpp"
#include "datasets/recipe_toml.hpp"
#include "datasets/view.hpp"
#include "datasets/view_labels.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

class Generate : public testing::Test {
protected:
    Generate() : directory(fs::temp_directory_path() / ("braggbench-generate-" + std::to_string(getpid()))) {
        fs::create_directories(directory);
        setenv("BRAGGBENCH_CACHE", (directory / "cache").c_str(), 1);
    }
    ~Generate() override { fs::remove_all(directory); }

    static Recipe recipe() {
        return load_recipe("diffranet-small", {"corpus.image_count=23", "detector.width_px=96", "detector.height_px=80",
                                               "crystal.d_min_A=6", "detector.beam_fast_px=50", "corpus.seed=7"});
    }
    [[nodiscard]] std::string bytes(const char* name) const {
        std::ifstream file(directory / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(directory)) count += entry.is_regular_file() ? 1 : 0;
        return count;
    }

    fs::path directory;
};

void ignore_progress(std::int64_t, std::int64_t) {}

TEST_F(Generate, BytesDoNotDependOnThreads) {
    generate(recipe(), directory / "one.h5", 1, ignore_progress);
    generate(recipe(), directory / "three.h5", 3, ignore_progress);
    ASSERT_GT(bytes("one.h5").size(), 10000U);
    EXPECT_EQ(bytes("one.h5"), bytes("three.h5"));
    Recipe other = recipe();
    other.seed = 8;
    generate(other, directory / "other.h5", 1, ignore_progress);
    EXPECT_NE(bytes("one.h5"), bytes("other.h5"));
}

TEST_F(Generate, ImageAloneIsTheImageOfTheCorpus) {
    generate(recipe(), directory / "all.h5", 2, ignore_progress);
    const CorpusReader corpus(directory / "all.h5");
    const RecipeSource source(recipe());
    for (const std::int64_t k : {0, 5, 11, 22}) {
        const CorpusRecord alone = source.record(k);
        EXPECT_EQ(alone.image, corpus.image(k)) << k;
        EXPECT_EQ(alone.class_index, corpus.class_indices()[static_cast<std::size_t>(k)]);
        EXPECT_EQ(alone.peaks.size(), corpus.peaks(k).size());
    }
}

TEST_F(Generate, BlankImagesAreNoiseAndCrystalsHavePeaks) {
    generate(recipe(), directory / "all.h5", 2, ignore_progress);
    const CorpusReader corpus(directory / "all.h5");
    bool crystal = false;
    for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
        const auto k = static_cast<std::size_t>(i);
        const auto& name = corpus.info().class_names[static_cast<std::size_t>(corpus.class_indices()[k])];
        if (name == "blank") {
            EXPECT_EQ(corpus.truth()[k].total_photons, 0.0F);
        }
        if (name == "blank" || name == "no-crystal") {
            EXPECT_TRUE(corpus.peaks(i).empty());
        }
        if (name == "strong") {
            crystal = true;
            EXPECT_FALSE(corpus.peaks(i).empty());
        }
    }
    EXPECT_TRUE(crystal);
}

TEST_F(Generate, FailureLeavesNothingBehind) {
    EXPECT_THROW(generate(recipe(), directory / "never.h5", 2,
                          [](std::int64_t done, std::int64_t) {
                              if (done == 5) throw std::runtime_error("stopped");
                          }),
                 std::runtime_error);
    EXPECT_EQ(files(), 0U);
    Recipe wrong = recipe();
    wrong.classes.back().scene.model = "lysozime";
    EXPECT_THROW(generate(wrong, directory / "never.h5", 1, ignore_progress), UsageError);
    EXPECT_THROW(generate(recipe(), directory / "missing" / "corpus.h5", 1, ignore_progress), DataError);
    EXPECT_EQ(files(), 0U);
}

TEST_F(Generate, StreamsAreReproducibleAndNeverTheCorpus) {
    const RecipeSource corpus(recipe());
    const RecipeSource first = stream_block(corpus, 0);
    const RecipeSource second = stream_block(corpus, 1);
    EXPECT_EQ(first.record(3).image, stream_block(RecipeSource(recipe()), 0).record(3).image);
    EXPECT_FALSE(first.record(3).image == second.record(3).image);
    EXPECT_FALSE(first.record(3).image == corpus.record(3).image);
    std::vector<int> shares(corpus.recipe().classes.size());
    for (const Assignment& image : corpus.assignments()) ++shares[static_cast<std::size_t>(image.class_index)];
    for (const Assignment& image : second.assignments()) {
        EXPECT_EQ(image.split, Split::train);
        --shares[static_cast<std::size_t>(image.class_index)];
    }
    EXPECT_EQ(shares, std::vector<int>(shares.size(), 0));
    // A stream's recipe can be written down and made again.
    EXPECT_EQ(parse_recipe(to_toml(first.recipe()), "block").seed, first.recipe().seed);
    for (std::uint64_t number = 2; number < 200; ++number) {
        const RecipeSource block = stream_block(corpus, number);
        EXPECT_NO_THROW(parse_recipe(to_toml(block.recipe()), "block")) << number;
    }
}

TEST_F(Generate, AMatchedPairDiffersInItsMemberAlone) {
    Recipe paired = recipe();
    paired.image_count = 8;
    paired.members.resize(2);
    paired.members[0].name = "dry";
    paired.members[0].overlay.stated = {"background.water_um"};
    paired.members[1].name = "wet";
    paired.members[1].overlay.scene.water_um = Distribution::fixed(30);
    paired.members[1].overlay.stated = {"background.water_um"};
    const RecipeSource source(paired);
    for (std::int64_t i = 0; i < 8; i += 2) {
        const CorpusRecord dry = source.record(i);
        const CorpusRecord wet = source.record(i + 1);
        EXPECT_EQ(dry.group, wet.group);
        EXPECT_EQ(wet.member, 1);
        EXPECT_EQ(std::memcmp(dry.truth.orientation, wet.truth.orientation, sizeof(dry.truth.orientation)), 0);
        if (dry.truth.fluence_photons_per_m2 == 0) {
            EXPECT_EQ(dry.image, wet.image);  // the noise of both is the same
        } else {
            EXPECT_GT(wet.truth.total_photons, dry.truth.total_photons);
        }
        EXPECT_NEAR(dry.truth.spot_photons, wet.truth.spot_photons, 1e-5F * dry.truth.spot_photons);
    }
}

// Labels of a crop against what counting by hand and the rules themselves give.
TEST_F(Generate, LabelsOfCropsFollowTheRules) {
    Recipe labelled = recipe();
    labelled.labels.attributes = {{"crystal", "lattice_count >= 1"}, {"seen", "visible_peaks >= 2"}};
    labelled.labels.values = {{"resolution", "resolution_A", "visible_peaks >= 1", 99.0}};
    labelled.labels.grade = {"visible_peaks", 1, 4};
    generate(labelled, directory / "all.h5", 2, ignore_progress);
    const CorpusReader corpus(directory / "all.h5");
    const CorpusLabeller labeller(corpus);
    int changed = 0;
    for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const View whole = make_view(corpus.image(i), parse_view("native"), 1.0, 0.0);
        EXPECT_EQ(labeller.labels(i, whole), corpus.labels()[at]);
        const View crop = make_view(corpus.image(i), parse_view("crop:centre:40"), 1.0, 0.0);
        const double left = crop.placement.fast_offset_px;
        const double top = crop.placement.slow_offset_px;
        int count = 0;
        float finest = 99;
        for (const Peak& peak : corpus.peaks(i)) {
            const bool inside =
                peak.fast_px >= left && peak.fast_px < left + 40 && peak.slow_px >= top && peak.slow_px < top + 40;
            if (!peak.visible || !inside) continue;
            ++count;
            finest = std::min(finest, peak.d_A);
        }
        const ImageLabels labels = labeller.labels(i, crop);
        EXPECT_EQ(labels.attributes[0], corpus.truth()[at].lattice_count > 0 ? 1 : 0);
        EXPECT_EQ(labels.attributes[1], count >= 2 ? 1 : 0);
        EXPECT_EQ(labels.values[0], finest);
        EXPECT_EQ(labels.grade, count >= 4 ? Grade::hit : count >= 1 ? Grade::maybe : Grade::miss);
        changed += labels == corpus.labels()[at] ? 0 : 1;
    }
    EXPECT_GT(changed, 2);
}

}  // namespace
}  // namespace braggbench
