// Grids as text, and what is made of the results of cells: no network is trained here.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "bench/ablation/ablation_page.hpp"
#include "bench/ablation/ablation_words.hpp"
#include "bench/ablation/cell_result.hpp"
#include "bench/ablation/cell_scores.hpp"
#include "bench/ablation/effects.hpp"
#include "bench/ablation/grid.hpp"
#include "bench/ablation/grid_corpora.hpp"
#include "bench/ablation/summary.hpp"
#include "bench/results/student_t.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"
#include "tests/bench/html_checker.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

std::string message_of(const std::string& toml) {
    try {
        parse_grid(toml, "mine.toml");
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

TEST(Grid, BuiltInOnesAreValid) {
    for (const auto& grid : builtin_grids()) {
        const auto parsed = load_grid(std::string(grid.name));
        EXPECT_EQ(parsed.name, grid.name);
        EXPECT_GE(parsed.values(Axis::seed).size(), 3U) << "intervals over seeds need three";
        EXPECT_FALSE(parsed.description.empty());
        for (const auto& cell : cells_of(parsed)) EXPECT_EQ(view_of(cell).size_px, cell.number(Axis::input_px));
    }
}

TEST(Grid, UnknownKeysAreErrorsWithTheirPlaceAndTheNearestName) {
    EXPECT_EQ(message_of("[data]\nrecipe = \"ci\"\n[axes]\n  veiw = [\"downsample:max:SIZE\"]\n"),
              "mine.toml:4:3: unknown key \"axes.veiw\". Did you mean \"axes.view\"?");
    EXPECT_EQ(message_of("[data]\nrecipe = \"ci\"\n[training]\nepoch = 3\n"),
              "mine.toml:4:1: unknown key \"training.epoch\". Did you mean \"training.epochs\"?");
    EXPECT_NE(message_of("[data]\nrecipe = \"ci\"\n[axis]\n").find("Did you mean \"axes\"?"), std::string::npos);
}

TEST(Grid, WhatAnAxisSetsCannotBeSetForAllCells) {
    for (const char* key : {"model = \"compact\"", "seed = 3", "view = \"native\"", "class-weights = \"none\""}) {
        EXPECT_NE(message_of(std::string("[data]\nrecipe = \"ci\"\n[training]\n") + key + "\n").find("unknown key"),
                  std::string::npos)
            << key;
    }
}

TEST(Grid, ValuesThatCannotBeAreErrors) {
    const auto axes = [](const std::string& text) { return message_of("[data]\nrecipe = \"ci\"\n[axes]\n" + text); };
    const auto says = [](const std::string& message, const std::string& words) {
        EXPECT_NE(message.find(words), std::string::npos) << message;
    };
    says(axes("view = [\"downsample:max:64\"]\ninput_px = [32]\n"), "Write SIZE in its place");
    says(axes("view = [\"native\"]\n"), "a network is trained on squares of one size");
    says(axes("view = [\"downsample:maxx:SIZE\"]\n"), "mine.toml:4:9");
    says(axes("balance = [\"balancd\"]\n"), "Did you mean \"balanced\"?");
    says(axes("initialisation = [\"transfer\"]\n"), "Give transfer.recipe");
    says(axes("seed = [1, 1]\n"), "axes.seed has 1 twice");
    says(axes("seed = [0]\n"), "at least 1");
    says(axes("seed = [\"1\"]\n"), "whole numbers");
    says(axes("seed = 1\n"), "must be a list");
    says(axes("view = []\n"), "there would be no cells");
    says(message_of("[data]\nrecipe = \"ci\"\n[training]\nepochs = 0\n"), "nothing would be learned");
    says(message_of("[data]\nrecipe = \"ci\"\n[training]\nepochs = \"8\"\n"), "training.epochs must be a whole number");
    says(message_of("name = \"x\"\n"), "Give data.recipe or data.corpus");
    says(message_of("[data]\ncorpus = \"a.h5\"\n[axes]\nnative_px = [64]\n"), "its images are made already");
    says(message_of("name = \n"), "not valid TOML");
    EXPECT_THROW(load_grid("smok"), UsageError);
    EXPECT_THROW(load_grid("/nowhere/grid.toml"), UsageError);
}

TEST(Grid, CellsAreAllCombinationsWithOneSeedAfterTheOther) {
    const auto grid = parse_grid(
        "[data]\nrecipe = \"ci\"\n[axes]\nview = [\"downsample:max:SIZE\", \"crop:centre:SIZE\"]\n"
        "balance = [\"none\", \"balanced\"]\nseed = [4, 7, 9]\n",
        "mine.toml");
    const auto cells = cells_of(grid);
    ASSERT_EQ(cells.size(), 12U);
    std::set<std::string> names;
    for (const auto& cell : cells) names.insert(cell_name(grid, cell));
    EXPECT_EQ(names.size(), 12U);
    EXPECT_EQ(cells[3][Axis::seed], "4");
    EXPECT_EQ(cells[4][Axis::seed], "7");
    EXPECT_EQ(to_text(view_of(cells[0])), "downsample:max:256");
}

TEST(Grid, NativeSizeKeepsTheSceneInMillimetres) {
    const auto recipe = load_recipe("ci");
    const auto half = at_native_size(recipe, recipe.width_px / 2);
    EXPECT_EQ(half.height_px, recipe.height_px / 2);
    EXPECT_DOUBLE_EQ(half.pixel_size_mm * half.width_px, recipe.pixel_size_mm * recipe.width_px);
    EXPECT_DOUBLE_EQ(half.scene.beam_fast_px.high * half.pixel_size_mm,
                     recipe.scene.beam_fast_px.high * recipe.pixel_size_mm);
    for (std::size_t c = 0; c < half.classes.size(); ++c) {
        EXPECT_DOUBLE_EQ(half.classes[c].scene.beam_slow_px.low * half.pixel_size_mm,
                         recipe.classes[c].scene.beam_slow_px.low * recipe.pixel_size_mm);
    }
    EXPECT_THROW(at_native_size(load_recipe("xfel-rayonix"), 512), UsageError);
}

TEST(StudentT, IsThatOfTables) {
    EXPECT_NEAR(student_t_quantile(0.975, 1), 12.7062047, 1e-6);
    EXPECT_NEAR(student_t_quantile(0.975, 2), 4.3026527, 1e-6);
    EXPECT_NEAR(student_t_quantile(0.975, 10), 2.2281389, 1e-6);
    EXPECT_NEAR(student_t_quantile(0.025, 10), -2.2281389, 1e-6);
    EXPECT_NEAR(student_t_quantile(0.975, 1e6), 1.9599664, 1e-5);
    EXPECT_NEAR(student_t_cdf(1.0, 1), 0.75, 1e-12);  // Cauchy
    // With two degrees of freedom P(T <= t) = 1/2 + t / (2 sqrt(2 + t^2)).
    for (const double t : {-3.0, -0.1, 0.0, 0.7, 20.0}) {
        EXPECT_NEAR(student_t_cdf(t, 2), 0.5 + t / (2.0 * std::sqrt(2.0 + t * t)), 1e-12) << t;
    }
    EXPECT_NEAR(student_t_cdf(student_t_quantile(0.9, 3.7), 3.7), 0.9, 1e-10);
}

Grid planted_grid(int seeds) {
    std::string list = "1";
    for (int s = 2; s <= seeds; ++s) list += ", " + std::to_string(s);
    return parse_grid(
        "[data]\nrecipe = \"ci\"\n[axes]\nview = [\"downsample:max:SIZE\", \"downsample:mean:SIZE\", "
        "\"crop:centre:SIZE\"]\nbalance = [\"none\", \"balanced\"]\nseed = [" +
            list + "]\n",
        "planted");
}

// Scores that add up from what is planted for view and balance, what a crop gains by balance, and noise.
std::vector<CellScore> planted_scores(const Grid& grid, const std::function<double(const Cell&)>& noise) {
    std::vector<CellScore> scores;
    for (const auto& cell : cells_of(grid)) {
        double value = 0.6;
        if (cell[Axis::view] == "downsample:mean:SIZE") value -= 0.05;
        if (cell[Axis::view] == "crop:centre:SIZE") value += 0.08;
        if (cell[Axis::balance] == "balanced") value += 0.02;
        if (cell[Axis::view] == "crop:centre:SIZE" && cell[Axis::balance] == "balanced") value += 0.03;
        scores.push_back({cell, value + noise(cell), {}});
    }
    return scores;
}

TEST(Effects, WithoutNoiseArePlantedOnesExactly) {
    const auto grid = planted_grid(3);
    const auto scores = planted_scores(grid, [](const Cell&) { return 0.0; });
    const std::string max = "downsample:max:SIZE";
    const std::string crop = "crop:centre:SIZE";
    EXPECT_NEAR(*effect(scores, Axis::view, "downsample:mean:SIZE", max).value, -0.05, 1e-12);
    EXPECT_NEAR(*effect(scores, Axis::view, crop, max).value, 0.08 + 0.03 / 2, 1e-12);
    EXPECT_NEAR(*effect(scores, Axis::balance, "balanced", "none").value, 0.02 + 0.03 / 3, 1e-12);
    EXPECT_NEAR(*interaction(scores, {Axis::view, crop, max}, {Axis::balance, "balanced", "none"}).value, 0.03, 1e-12);
    EXPECT_NEAR(*mean_at(scores, std::vector<Setting>{{Axis::view, crop}, {Axis::balance, "none"}}).value, 0.68, 1e-12);
    EXPECT_NEAR(*mean_at(scores, {}).value, 0.6 + 0.03 / 3 + 0.01 + 0.03 / 6, 1e-12);
}

TEST(Effects, NoiseThatPairedCellsShareDoesNotWidenTheInterval) {
    const auto grid = planted_grid(3);
    const auto scores = planted_scores(grid, [](const Cell& cell) { return 0.1 * cell.number(Axis::seed); });
    const auto found = effect(scores, Axis::view, "crop:centre:SIZE", "downsample:max:SIZE");
    ASSERT_TRUE(found.over_seeds.has_value());
    EXPECT_NEAR((*found.over_seeds)[1] - (*found.over_seeds)[0], 0.0, 1e-12);
    EXPECT_NEAR(*found.value, 0.095, 1e-12);
}

TEST(Effects, IntervalsOverSeedsCoverThePlantedEffect) {
    const auto grid = planted_grid(3);
    constexpr int trials = 2000;
    int covered = 0;
    for (int trial = 0; trial < trials; ++trial) {
        RandomStream random(1, static_cast<std::uint64_t>(trial), Stage::labels);
        const auto scores = planted_scores(grid, [&](const Cell&) { return 0.02 * random.normal(); });
        const auto found = effect(scores, Axis::view, "crop:centre:SIZE", "downsample:max:SIZE");
        covered += (*found.over_seeds)[0] <= 0.095 && 0.095 <= (*found.over_seeds)[1] ? 1 : 0;
    }
    EXPECT_GT(covered, 0.935 * trials);
    EXPECT_LT(covered, 0.965 * trials);
}

// Answers with noise of their own, of the image, and of the training: two views, three seeds.
double coverage_of_both(double of_images, double of_seeds, double of_answers) {
    const auto grid = parse_grid(
        "[data]\nrecipe = \"ci\"\n[axes]\nview = [\"downsample:max:SIZE\", "
        "\"crop:centre:SIZE\"]\nseed = [1, 2, 3]\n",
        "planted");
    constexpr int trials = 400;
    constexpr std::size_t images = 60;
    constexpr double planted = 0.05;
    const auto resamples = draw_resamples(images, 3, 300);
    int covered = 0;
    for (int trial = 0; trial < trials; ++trial) {
        RandomStream random(2, static_cast<std::uint64_t>(trial), Stage::labels);
        std::array<std::vector<double>, 2> image_noise;
        for (auto& noise : image_noise) {
            for (std::size_t i = 0; i < images; ++i) noise.push_back(of_images * random.normal());
        }
        std::vector<CellScore> scores;
        for (const auto& cell : cells_of(grid)) {
            const bool is_crop = cell[Axis::view] == "crop:centre:SIZE";
            const double level = (is_crop ? planted : 0.0) + of_seeds * random.normal();
            std::vector<double> values;
            for (const double noise : image_noise[is_crop ? 1 : 0]) {
                values.push_back(level + noise + of_answers * random.normal());
            }
            CellScore score{cell, 0.0, {}};
            const auto mean = [&](const std::vector<int>& counts) {
                double sum = 0.0;
                for (std::size_t i = 0; i < images; ++i) sum += counts[i] * values[i];
                return sum / images;
            };
            score.value = mean(std::vector<int>(images, 1));
            for (const auto& counts : resamples) score.resampled.emplace_back(mean(counts));
            scores.push_back(std::move(score));
        }
        const auto found = effect(scores, Axis::view, "crop:centre:SIZE", "downsample:max:SIZE");
        covered += (*found.ci95)[0] <= planted && planted <= (*found.ci95)[1] ? 1 : 0;
        // The verdict and the interval say the same.
        EXPECT_EQ(*found.p<0.05, (*found.ci95)[0]> 0.0 || (*found.ci95)[1] < 0.0);
    }
    return static_cast<double>(covered) / trials;
}

TEST(Effects, IntervalsOverBothCoverThePlantedEffect) {
    EXPECT_GT(coverage_of_both(0.3, 0.0, 0.05), 0.92);    // the images' noise alone
    EXPECT_GT(coverage_of_both(0.02, 0.05, 0.02), 0.92);  // the training's
    EXPECT_GT(coverage_of_both(0.3, 0.04, 0.1), 0.92);
    EXPECT_LT(coverage_of_both(0.3, 0.04, 0.0), 0.99) << "wider than it need be";
}

TEST(Effects, AreAbsentWhereAScoreIs) {
    const auto grid = planted_grid(2);
    auto scores = planted_scores(grid, [](const Cell&) { return 0.0; });
    scores.front().value.reset();
    EXPECT_FALSE(effect(scores, Axis::view, "crop:centre:SIZE", "downsample:max:SIZE").value.has_value());
    EXPECT_TRUE(mean_at(scores, std::vector<Setting>{{Axis::view, "crop:centre:SIZE"}}).value.has_value());
}

TEST(Effects, OneSeedHasNoIntervalOverSeeds) {
    const auto grid = planted_grid(1);
    const auto scores = planted_scores(grid, [](const Cell&) { return 0.0; });
    const auto found = mean_at(scores, {});
    EXPECT_TRUE(found.value.has_value());
    EXPECT_FALSE(found.over_seeds.has_value());
    EXPECT_FALSE(found.ci95.has_value());
}

// A cell whose answers tell the label `right` of ten times, and a value within `error`.
CellResult made_cell(const Cell& cell, double strength) {
    CellResult result;
    result.cell = cell;
    result.hash = "hash of " + cell[Axis::view] + cell[Axis::balance] + cell[Axis::seed];
    result.view = to_text(view_of(cell));
    Head labels;
    labels.name = "attributes";
    labels.kind = HeadKind::multi_label;
    labels.outputs = {"ice & <snow>"};
    Head values;
    values.name = "values";
    values.kind = HeadKind::regression;
    values.outputs = {"mosaic"};
    values.means = {0.0};
    values.deviations = {1.0};
    values.units = {"deg"};
    result.heads = {labels, values};
    RandomStream random(7, static_cast<std::uint64_t>(cell.number(Axis::seed)), Stage::labels);
    for (int i = 0; i < 80; ++i) {
        const auto is_true = static_cast<float>(i % 2);
        const auto value = static_cast<float>(i % 10);
        result.images.push_back(100 + i);
        result.truth.push_back({is_true, i == 3 ? unknown_target : value});
        const auto noise = static_cast<float>(random.normal());
        result.scores.push_back({1.0F / (1.0F + std::exp(-(static_cast<float>(strength) * (is_true - 0.5F) + noise))),
                                 value + 0.5F * noise});
    }
    for (const auto& rule : held_rules()) result.held[rule.name] = 5;
    result.cost = {{"learn_s", 1.0},
                   {"learn_cpu_s", 1.5},
                   {"answer_s", 0.1},
                   {"answer_cpu_s", 0.1},
                   {"threads", 2},
                   {"test_images", 80},
                   {"squares_per_image", 1},
                   {"answer_multiply_adds", 1e6},
                   {"learn_multiply_adds", 1e9}};
    result.training = {{"best_epoch", 2}, {"train_images", 40}};
    result.support = nlohmann::json::array();
    result.support.push_back({{"label", "ice & <snow>"},
                              {"about", "ice_rings"},
                              {"true", 40},
                              {"visible_in_image", 30},
                              {"visible_in_view", 12}});
    result.provenance = {{"version", "0"}, {"git_commit", "none"}};
    return result;
}

std::vector<CellResult> made_cells(const Grid& grid) {
    std::vector<CellResult> cells;
    for (const auto& cell : cells_of(grid)) {
        cells.push_back(made_cell(cell, cell[Axis::view] == "crop:centre:SIZE" ? 3.0 : 0.5));
    }
    return cells;
}

TEST(Held, ADifferenceThatNoAxisAccountsForIsAnError) {
    const auto grid = planted_grid(2);
    auto cells = made_cells(grid);
    EXPECT_EQ(held_json(cells).size(), held_rules().size());
    cells[3].held["train_images"] = 6;  // among the cells of one seed and size
    try {
        held_json(cells);
        FAIL() << "not noticed";
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find("training images are 5 in the one"), std::string::npos)
            << error.what();
    }
    cells = made_cells(grid);
    for (auto& cell : cells) cell.held["train_images"] = cell.cell[Axis::seed];  // as seeds may choose them
    EXPECT_NO_THROW(held_json(cells));
    for (auto& cell : cells) cell.held["options"] = cell.cell[Axis::seed];
    EXPECT_THROW(held_json(cells), DataError);
}

TEST(CellFile, ReadsAsItWasWritten) {
    const auto path = fs::temp_directory_path() / "braggbench-ablation-cell.json";
    const auto cell = made_cells(planted_grid(1)).back();
    write_cell(path, cell);
    EXPECT_EQ(to_json(read_cell(path)), to_json(cell));
    EXPECT_TRUE(std::isnan(read_cell(path).truth[3][1]));
    std::ofstream(path) << "{\"schema\": \"braggbench-ablation-cell/1\"";
    try {
        read_cell(path);
        FAIL() << "half a file was read";
    } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()).find("Delete it"), std::string::npos);
    }
    fs::remove(path);
}

TEST(Scores, AreThoseOfTheMetrics) {
    const auto grid = planted_grid(1);
    const auto cells = made_cells(grid);
    const auto questions = questions_of(cells);
    ASSERT_EQ(questions.size(), 2U);
    const auto resamples = draw_resamples(80, 1);
    const auto auc = measure_cells(cells, questions[0], "roc_auc", resamples, 1);
    ASSERT_EQ(auc.size(), cells.size());
    // The share of pairs in the right order.
    const auto& cell = cells.front();
    double right = 0.0;
    for (std::size_t i = 0; i < 80; i += 2) {
        for (std::size_t j = 1; j < 80; j += 2) right += cell.scores[j][0] > cell.scores[i][0] ? 1.0 : 0.0;
    }
    EXPECT_NEAR(*auc.front().metric.value, right / 1600.0, 1e-12);
    EXPECT_DOUBLE_EQ(*auc.front().metric.chance, 0.5);
    EXPECT_LT((*auc.front().metric.ci95)[0], *auc.front().metric.value);
    EXPECT_DOUBLE_EQ(auc.front().prevalence, 0.5);
    const auto squared = measure_cells(cells, questions[1], "r_squared", resamples, 1);
    EXPECT_EQ(squared.front().images, 79U) << "an unknown value is left out";
    EXPECT_GT(*squared.front().metric.value, 0.9);
    EXPECT_LT(*squared.front().metric.value, 1.0);
    // Always the same answer is chance.
    auto constant = cells;
    for (auto& row : constant.front().scores) row = {0.4F, 4.5F};
    EXPECT_DOUBLE_EQ(*measure_cells(constant, questions[0], "roc_auc", {}, 1).front().score.value, 0.5);
    EXPECT_DOUBLE_EQ(*measure_cells(constant, questions[0], "balanced_accuracy", {}, 1).front().score.value, 0.5);
}

TEST(Summary, FindsThePlantedDifferenceAndMakesAWellFormedPage) {
    const auto grid = planted_grid(3);
    const auto result = ablation_json(grid, made_cells(grid), 1);
    const auto questions = primary_questions(result);
    ASSERT_EQ(questions.size(), 2U);
    for (const auto& found : questions[0].at("effects")) {
        if (found.at("axis") != "view") continue;
        // Maxima and means answer the same here, and a difference of nothing has no p.
        const bool clear = found.contains("p_holm") && found.at("p_holm").get<double>() < 0.05;
        EXPECT_EQ(clear, found.at("value") == "crop:centre:SIZE") << found.dump(2);
    }
    EXPECT_EQ(questions[0].at("interactions").size(), 1U);
    const auto page = ablation_html(result, "braggbench ablate \"x & y\"");
    const test::HtmlChecker checker(page);
    EXPECT_EQ(checker.problem(), "");
    EXPECT_NE(page.find("ice &amp; &lt;snow&gt;"), std::string::npos);
    EXPECT_EQ(page.find("<snow>"), std::string::npos);
    EXPECT_EQ(checker.count("script"), 0);
    EXPECT_EQ(page, ablation_html(result, "braggbench ablate \"x & y\""));
    for (const auto& text : {ablation_table(result), ablation_markdown(result)}) {
        EXPECT_NE(text.find("crop:centre:256"), std::string::npos) << text;
        EXPECT_NE(text.find("reference"), std::string::npos);
    }
    EXPECT_THROW(ablation_html(nlohmann::json::object(), ""), DataError);
}

TEST(Summary, CellsOfOtherImagesCannotBePaired) {
    const auto grid = planted_grid(2);
    auto cells = made_cells(grid);
    cells.back().images.front() = 1;
    EXPECT_THROW(ablation_json(grid, cells, 1), DataError);
}

}  // namespace
}  // namespace braggbench
