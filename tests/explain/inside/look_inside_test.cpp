#include "explain/inside/look_inside.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "simulator/error.hpp"
#include "tests/explain/inside/planted_net.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 32;
constexpr int image_count = 24;

// "empty" and "spots" in turn: 6 peaks of planted_highest on a background below a tenth of it.
class LookInside : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = std::filesystem::temp_directory_path() / ("braggbench-inside-" + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
        CorpusInfo info;
        info.image_count = image_count;
        info.width_px = size_px;
        info.height_px = size_px;
        info.wavelength_A = 1.3;
        info.class_names = {"empty", "spots"};
        info.labels.attributes = {"many"};
        info.detector.image_width_px = size_px;
        info.detector.image_height_px = size_px;
        Panel panel;
        panel.width_px = size_px;
        panel.height_px = size_px;
        panel.pixel_size_mm = 0.1;
        panel.origin_mm = {1.6, 1.6, 100.0};
        info.detector.panels = {panel};
        CorpusWriter writer(folder_ / "corpus.h5", info);
        for (int image = 0; image < image_count; ++image) {
            CorpusRecord record;
            RandomStream random(5, static_cast<std::uint64_t>(image), Stage::scene);
            record.image = Image<std::uint16_t>(size_px, size_px);
            for (auto& pixel : record.image.pixels) pixel = static_cast<std::uint16_t>(random.uniform(0.0, 10.0));
            record.class_index = image % 2;
            record.split = image < 12 ? Split::test : Split::train;
            record.labels.attributes = {static_cast<std::uint8_t>(image % 2)};
            record.truth.beam_fast_px = 16.0F;
            record.truth.beam_slow_px = 16.0F;
            for (int peak = 0; record.class_index == 1 && peak < 6; ++peak) {
                const auto fast = static_cast<int>(random.uniform(2.0, size_px - 2.0));
                const auto slow = static_cast<int>(random.uniform(2.0, size_px - 2.0));
                record.image(fast, slow) = static_cast<std::uint16_t>(planted_highest);
                Peak truth;
                truth.visible = true;
                truth.fast_px = static_cast<float>(fast) + 0.5F;
                truth.slow_px = static_cast<float>(slow) + 0.5F;
                truth.snr = 10.0F;
                record.peaks.push_back(truth);
            }
            writer.append(encode(std::move(record)));
        }
        writer.finish();
        model_.card.zoo_name = "planted";
        model_.card.heads =
            make_heads(std::vector<std::string>{"class"}, {{"empty", "spots"}, {}, info.labels, "a test"});
        model_.card.view.size_px = size_px;
        model_.network = std::make_shared<PlantedNet>();
        model_.network->eval();
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] LookOptions options(const std::string& name) const {
        LookOptions result;
        result.model_name = "planted";
        result.output_directory = folder_ / name;
        result.inversion.steps = 250;
        result.inversion.starts = 1;
        result.inversion.tv_weights = {0.0};
        std::filesystem::create_directories(result.output_directory);
        return result;
    }
    [[nodiscard]] CorpusReader corpus() const { return CorpusReader(folder_ / "corpus.h5"); }

    std::filesystem::path folder_;
    TrainedModel model_;
};

TEST_F(LookInside, FindsThePlantedMapsAndBringsSpotsBack) {
    const CorpusReader corpus = this->corpus();
    std::set<std::string> told;
    const auto result = look_inside(model_, &corpus, options("a"), [&](const std::string& what, auto done, auto total) {
        told.insert(what);
        EXPECT_LE(done, total);
    });
    EXPECT_EQ(told, (std::set<std::string>{"drawing maps", "counting maps", "inverting"}));
    const auto& census = result.at("census");
    EXPECT_EQ(census.at("images"), image_count);
    EXPECT_TRUE(census.at("untrained").is_null());  // no network of the zoo
    const auto& stages = census.at("trained").at("stages");
    ASSERT_EQ(stages.size(), 4U);
    EXPECT_EQ(stages[0].at("stage"), "one");
    EXPECT_EQ(stages[0].at("dead"), (std::vector<int>{1, 3}));
    EXPECT_EQ(stages[0].at("constant"), std::vector<int>{2});
    EXPECT_EQ(stages[1].at("dead"), std::vector<int>{0});
    EXPECT_EQ(stages[2].at("stage"), "features");
    EXPECT_EQ(stages[3].at("stage"), "outputs");
    ASSERT_EQ(stages[0].at("groups").size(), 3U);
    EXPECT_EQ(stages[0].at("groups")[2].at("name"), "with many");
    EXPECT_EQ(stages[0].at("groups")[2].at("images"), image_count / 2);
    EXPECT_DOUBLE_EQ(stages[0].at("groups")[0].at("empty_maps").at("value").get<double>(), 0.5);
    EXPECT_EQ(census.at("trained").at("layers")[1].at("dead_by").at("input"), 1);

    // One image of each class; what the first convolution sees, and both stages.
    const auto& drawn = result.at("drawn");
    ASSERT_EQ(drawn.size(), 2U);
    ASSERT_EQ(drawn[0].at("stages").size(), 3U);
    EXPECT_EQ(drawn[0].at("stages")[1].at("empty"), 2);
    for (const auto& image : drawn) {
        for (const auto& stage : image.at("stages")) {
            EXPECT_TRUE(std::filesystem::exists(folder_ / "a" / stage.at("file").get<std::string>()));
        }
    }
    EXPECT_EQ(result.at("filters").size(), 2U);

    // The image with peaks is inverted, though it comes second.
    const auto& inversion = result.at("inversion");
    ASSERT_EQ(inversion.at("rows").size(), 2U);
    for (const auto& row : inversion.at("rows")) {
        EXPECT_LT(row.at("feature_error").at("value").get<double>(), 0.01);
        EXPECT_DOUBLE_EQ(row.at("spot_recall").at("value").get<double>(), 1.0);
        EXPECT_LT(row.at("spot_recall").at("chance").get<double>(), 0.5);
        EXPECT_DOUBLE_EQ(row.at("true_spot_recall").at("value").get<double>(), 1.0);
    }
    EXPECT_TRUE(std::filesystem::exists(folder_ / "a" / inversion.at("pictures")[0].at("file").get<std::string>()));
}

TEST_F(LookInside, GivesTheSameOnAnyNumberOfThreads) {
    const CorpusReader corpus = this->corpus();
    LookOptions one = options("one");
    one.threads = 1;
    one.inversion.steps = 10;
    LookOptions four = one;
    four.threads = 4;
    const auto first = look_inside(model_, &corpus, one, {});
    EXPECT_EQ(first, look_inside(model_, &corpus, four, {}));
    four.seed = 2;
    EXPECT_NE(first, look_inside(model_, &corpus, four, {}));
}

TEST_F(LookInside, WithoutACorpusThereAreFiltersAlone) {
    const auto result = look_inside(model_, nullptr, options("filters"), {});
    EXPECT_EQ(result.at("filters").size(), 2U);
    EXPECT_TRUE(result.at("census").is_null());
    LookOptions with_stage = options("filters");
    with_stage.stages = {"one"};
    EXPECT_THROW(look_inside(model_, nullptr, with_stage, {}), UsageError);
}

TEST_F(LookInside, RefusesWhatDoesNotExist) {
    const CorpusReader corpus = this->corpus();
    LookOptions stage = options("bad");
    stage.stages = {"three"};
    try {
        look_inside(model_, &corpus, stage, {});
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("one, two"), std::string::npos) << error.what();
    }
    LookOptions image = options("bad");
    image.images = {image_count};
    EXPECT_THROW(look_inside(model_, &corpus, image, {}), UsageError);
    LookOptions split = options("bad");
    split.split = Split::validation;
    EXPECT_THROW(look_inside(model_, &corpus, split, {}), DataError);
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "bad"));
}

TEST_F(LookInside, ImagesWithoutPeaksHaveNoRecall) {
    const CorpusReader corpus = this->corpus();
    LookOptions blank = options("blank");
    blank.images = {0};
    blank.inversion.steps = 5;
    const auto rows = look_inside(model_, &corpus, blank, {}).at("inversion").at("rows");
    EXPECT_TRUE(rows[0].at("spot_recall").at("value").is_null());
    EXPECT_EQ(rows[0].at("images_without_peaks"), 1);
}

}  // namespace
}  // namespace braggbench
