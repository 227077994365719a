#include "datasets/generate.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "datasets/recipe_toml.hpp"
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

}  // namespace
}  // namespace braggbench
