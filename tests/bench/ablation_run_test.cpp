// Grids that are really run, on a corpus of seconds: what a cell sees, and that a broken run goes on to the same
// result.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "bench/ablation/ablate.hpp"
#include "bench/ablation/cell_images.hpp"
#include "bench/ablation/grid_corpora.hpp"
#include "bench/ablation/run_cell.hpp"
#include "bench/ablation/summary.hpp"
#include "classifiers/predictions.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

class AblationRun : public testing::Test {
protected:
    static void SetUpTestSuite() {
        root = fs::temp_directory_path() / ("braggbench-ablation-" + std::to_string(getpid()));
        fs::create_directories(root);
        setenv("BRAGGBENCH_CACHE", (root / "cache").c_str(), 1);
        at::set_num_threads(2);
    }
    static void TearDownTestSuite() { fs::remove_all(root); }

    static Grid grid(const std::string& axes, const std::string& more = "") {
        return parse_grid(
            "name = \"tried\"\n[data]\nrecipe = \"ci\"\nset = [\"corpus.image_count=40\"]\n[training]\n"
            "epochs = 2\nbatch = 8\n" +
                more + "[axes]\ninput_px = [32]\nmodel = [\"compact-tiny\"]\n" + axes,
            "tried");
    }

    // A directory whose corpus is that of all the others.
    static fs::path directory(const std::string& name) {
        fs::create_directories(root / "corpora");
        fs::create_directories(root / name);
        fs::create_directory_symlink(root / "corpora", root / name / "corpora");
        return root / name;
    }

    static CorpusReader corpus(const Grid& of) {
        const auto made = corpus_of(of, 0, directory("images" + std::to_string(++readers)));
        require_made(made, 2, {});
        return CorpusReader(made.path);
    }

    // Everything but times.
    static nlohmann::json answers(std::vector<CellResult> cells) {
        nlohmann::json all = nlohmann::json::array();
        for (auto& cell : cells) {
            cell.cost = nullptr;
            for (auto& epoch : cell.training.at("epochs")) epoch.erase("images_per_s");
            all.push_back(to_json(cell));
        }
        return all;
    }

    static inline fs::path root;
    static inline int readers = 0;
};

TEST_F(AblationRun, ABrokenRunGoesOnToTheSameResult) {
    const auto of =
        grid("view = [\"downsample:max:SIZE\", \"tiles:SIZE:0\"]\nlabels = [\"attributes values\"]\nseed = [1, 2]\n");
    const auto whole = run_grid(of, {directory("whole"), 2}, {});
    ASSERT_EQ(whole.size(), 4U);

    const auto broken = directory("broken");
    // Stops in the second epoch of the third cell, whose first epoch is in a checkpoint.
    AblateCalls calls;
    calls.progress = [](const std::string& part, const std::string& what, std::int64_t done, std::int64_t total) {
        if (part.starts_with("3/4") && what == "learn" && 2 * done > total) throw std::runtime_error("broken off");
    };
    EXPECT_THROW(run_grid(of, {broken, 2}, calls), std::runtime_error);
    std::set<std::string> left;
    for (const auto& file : fs::directory_iterator(broken / "cells")) left.insert(file.path().extension().string());
    EXPECT_EQ(left, (std::set<std::string>{".json", ".checkpoint"}));
    const auto plan = plan_grid(of, {broken, 2});
    EXPECT_EQ(
        std::ranges::count_if(plan.at("cells"), [](const auto& cell) { return cell.at("done").template get<bool>(); }),
        2);

    std::size_t run_now = 0;
    calls.progress = {};
    calls.on_cell = [&](const CellResult&, std::size_t, std::size_t now, std::size_t) { run_now = now; };
    const auto resumed = run_grid(of, {broken, 2}, calls);
    EXPECT_EQ(run_now, 2U);
    EXPECT_EQ(answers(resumed), answers(whole));
    // Nothing is left to be done, and what depends on the answers alone is the same text.
    run_grid(of, {broken, 2}, calls);
    EXPECT_EQ(run_now, 0U);
    EXPECT_EQ(ablation_json(of, resumed).at("questions").dump(), ablation_json(of, whole).at("questions").dump());
    for (const auto& file : fs::directory_iterator(broken / "cells")) {
        EXPECT_EQ(file.path().extension(), ".json") << "checkpoints are removed";
    }
}

TEST_F(AblationRun, CellsDifferInWhatIsVariedAndInNothingElse) {
    const auto of = grid(
        "view = [\"downsample:mean:SIZE\", \"crop:random:SIZE\", \"tiles:SIZE:0:max\"]\nlabels = [\"class "
        "attributes\"]\n"
        "initialisation = [\"scratch\", \"frozen\"]\ntraining_size = [10, 0]\nseed = [3]\n",
        "[transfer]\nrecipe = \"ci\"\nset = [\"corpus.image_count=30\", \"corpus.seed=9\"]\nepochs = 1\n");
    const auto cells = run_grid(of, {directory("varied"), 2}, {});
    ASSERT_EQ(cells.size(), 12U);
    const auto held = held_json(cells);  // throws where something else differs
    for (const auto& cell : cells) {
        const bool frozen = cell.cell[Axis::initialisation] == "frozen";
        EXPECT_EQ(cell.held.at("learned_parameters") < cell.held.at("parameters"), frozen);
        EXPECT_EQ(cell.held.at("views_learned"), 2 * cell.training.at("train_images").get<int>());
        EXPECT_EQ(cell.cost.at("squares_per_image").get<int>(), cell.view.starts_with("tiles") ? 9 : 1);
        for (const auto& row : cell.scores) {
            double classes = 0.0;
            for (int o = 0; o < 2; ++o) classes += static_cast<double>(row[static_cast<std::size_t>(o)]);
            EXPECT_NEAR(classes, 1.0, 1e-5) << "joined tiles are a prediction";
        }
    }
    EXPECT_NE(cells[0].scores, cells[1].scores);
}

TEST_F(AblationRun, MapsAreScoredBesideTheAnswers) {
    const auto of = grid("view = [\"downsample:max:SIZE\", \"tiles:SIZE:0\"]\nlabels = [\"class\"]\nseed = [1]\n",
                         "[localisation]\nmethod = \"hires_cam\"\nexplained = \"crystal\"\nimages_per_class = 3\n");
    const auto result = ablation_json(of, run_grid(of, {directory("maps"), 2}, {}));
    ASSERT_FALSE(result.at("localisation").empty());
    for (const auto& row : result.at("localisation")) {
        EXPECT_EQ(row.at("map"), "hires_cam");
        EXPECT_EQ(row.at("truth"), "peaks");
    }
}

TEST_F(AblationRun, TrainingImagesAreNestedAndKeyedByTheSeed) {
    const auto images = corpus(grid(""));
    const auto all = training_images(images, 0, 1);
    const auto ten = training_images(images, 10, 1);
    const auto five = training_images(images, 5, 1);
    EXPECT_EQ(all, images.indices(Split::train));
    EXPECT_EQ(ten.size(), 10U);
    EXPECT_TRUE(std::ranges::includes(ten, five));
    EXPECT_TRUE(std::ranges::includes(all, ten));
    EXPECT_NE(ten, training_images(images, 10, 2));
    EXPECT_THROW(training_images(images, 1000, 1), UsageError);
}

TEST_F(AblationRun, TilesTakeTurnsAndRandomCropsAreNew) {
    const auto images = corpus(grid(""));
    const auto heads = make_heads(std::vector<std::string>{"class"}, head_source(images));
    const std::vector<std::int64_t> row = {0};
    const std::vector<std::int64_t> index = {images.indices(Split::train).front()};
    const auto shown = [&](const char* view, int epochs) {
        const CellImages seen(images, parse_view(view), TruthOf::image, 1);
        std::set<std::vector<float>> different;
        for (int epoch = 1; epoch <= epochs; ++epoch) {
            const auto photons = seen.feed(index, heads, epoch, 0).batch(row).photons.contiguous();
            different.insert({photons.data_ptr<float>(), photons.data_ptr<float>() + photons.numel()});
        }
        return different.size();
    };
    EXPECT_EQ(shown("tiles:32:0", 9), 9U) << "every tile once in nine epochs";
    EXPECT_EQ(shown("tiles:32:0", 18), 9U);
    EXPECT_GE(shown("crop:random:32", 6), 5U);
    EXPECT_EQ(shown("crop:centre:32", 3), 1U);
    EXPECT_EQ(shown("downsample:max:32", 3), 1U);
}

TEST_F(AblationRun, TheTruthOfAViewIsOfWhatItShows) {
    const auto images = corpus(grid(""));
    const auto heads = make_heads(std::vector<std::string>{"attributes=ice"}, head_source(images));
    int kept = 0;
    int lost = 0;
    // Rings of ice begin 43 px from the beam, at 3.9 A: a corner has some, the middle none.
    for (const char* part : {"crop:fixed:32:0:0", "crop:fixed:32:32:32"}) {
        const CellImages cropped(images, parse_view(part), TruthOf::view, 1);
        for (std::int64_t i = 0; i < images.info().image_count; ++i) {
            const auto view = cropped.views(i).front();
            const auto in_view = cropped.targets(i, heads, &view).front();
            const auto in_image = cropped.image_targets(i, heads).front();
            const auto seen = truth_in_view(images.truth()[static_cast<std::size_t>(i)], images.peaks(i), view);
            EXPECT_EQ(in_view == 1.0F, in_image == 1.0F && seen.visible_ice_peaks > 0.0F);
            kept += in_view == 1.0F ? 1 : 0;
            lost += in_view < in_image ? 1 : 0;
        }
    }
    EXPECT_GT(kept, 0);
    EXPECT_GT(lost, 0);
    const CellImages whole(images, parse_view("crop:fixed:32:0:0"), TruthOf::image, 1);
    const auto view = whole.views(0).front();
    EXPECT_EQ(whole.targets(0, heads, &view), whole.image_targets(0, heads));
}

TEST_F(AblationRun, ADamagedCellSaysWhatToDo) {
    const auto of = grid("seed = [1]\nlabels = [\"class\"]\n");
    const auto place = directory("damaged");
    run_grid(of, {place, 2}, {});
    const auto file = *fs::directory_iterator(place / "cells");
    std::ofstream(file.path()) << "{}";
    try {
        run_grid(of, {place, 2}, {});
        FAIL() << "not noticed";
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find("Delete it"), std::string::npos) << error.what();
    }
}

TEST_F(AblationRun, WhatCannotBeIsSaidBeforeAnythingIsTrained) {
    EXPECT_THROW(plan_grid(parse_grid("[data]\nrecipe = \"ci\"\n[axes]\nmodel = [\"compakt\"]\n", "x"), {root, 1}),
                 UsageError);
    EXPECT_THROW(plan_grid(grid("seed = [1]\n", "[localisation]\nmethod = \"gradcam\"\n"), {root, 1}), UsageError);
    const auto small = parse_grid("[data]\nrecipe = \"ci\"\n[axes]\ninput_px = [16]\nmodel = [\"compact\"]\n", "x");
    EXPECT_THROW(plan_grid(small, {root, 1}), UsageError);
}

}  // namespace
}  // namespace braggbench
