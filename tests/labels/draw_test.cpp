#include "labels/draw.hpp"

#include <gtest/gtest.h>

#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <map>
#include <type_traits>

#include "labels/recipe_fields.hpp"
#include "simulator/structure_factors.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench {
namespace {

Recipe two_classes() {
    Recipe recipe;
    recipe.name = "test";
    recipe.image_count = 1000;
    recipe.validation_fraction = 0.1;
    recipe.test_fraction = 0.2;
    recipe.scene.cells_per_block = {Law::log_uniform, 10, 40};
    recipe.scene.crystal_volume_um3 = Distribution::fixed(5);
    recipe.scene.water_um = {Law::uniform, 2, 4};
    recipe.classes = {{"miss", 3, recipe.scene}, {"hit", 1, recipe.scene}};
    recipe.classes[0].scene.crystal = false;
    recipe.classes[0].scene.fluence_photons_per_m2 = Distribution::fixed(1e22);
    recipe.classes[1].scene.fluence_photons_per_m2 = {Law::log_uniform, 1e22, 1e24};
    return recipe;
}

std::shared_ptr<const StructureFactors> cubic() {
    return std::make_shared<const StructureFactors>(UnitCell{50, 50, 50, 90, 90, 90}, "P 1", 3.0, MillerIndex{1, 1, 1},
                                                    std::vector<float>(27, 10.0F));
}

TEST(Draw, ClassesAndSplitsAreInProportion) {
    std::map<std::pair<int, Split>, int> counts;
    for (const auto& a : draw_assignments(two_classes())) ++counts[{a.class_index, a.split}];
    EXPECT_EQ((counts[{0, Split::train}]), 525);
    EXPECT_EQ((counts[{0, Split::validation}]), 75);
    EXPECT_EQ((counts[{0, Split::test}]), 150);
    EXPECT_EQ((counts[{1, Split::train}]), 175);
    EXPECT_EQ((counts[{1, Split::validation}]), 25);
    EXPECT_EQ((counts[{1, Split::test}]), 50);
}

TEST(Draw, RemaindersAreSharedWithoutLoss) {
    Recipe recipe = two_classes();
    recipe.image_count = 7;
    EXPECT_EQ(draw_assignments(recipe).size(), 7U);
}

TEST(Draw, OrderIsShuffledAndKeyed) {
    const auto classes = [](std::uint64_t seed) {
        Recipe recipe = two_classes();
        recipe.seed = seed;
        std::vector<int> out;
        for (const auto& a : draw_assignments(recipe)) out.push_back(a.class_index);
        return out;
    };
    EXPECT_EQ(classes(1), classes(1));
    EXPECT_NE(classes(1), classes(2));
    const auto order = classes(1);
    EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}

Experiment experiment_of(const Recipe& recipe, int class_index, std::uint64_t image) {
    return make_experiment(recipe, draw_scene(recipe, {class_index, Split::train}, image), image, {cubic(), nullptr});
}

TEST(Draw, ExperimentFollowsTheClassRule) {
    const Recipe recipe = two_classes();
    const Experiment miss = experiment_of(recipe, 0, 4);
    EXPECT_TRUE(miss.crystals.empty());
    EXPECT_DOUBLE_EQ(miss.beam.fluence_photons_per_m2, 1e22);
    const Experiment hit = experiment_of(recipe, 1, 4);
    ASSERT_EQ(hit.crystals.size(), 1U);
    EXPECT_GE(hit.crystals[0].cells_per_block.x(), 10);
    EXPECT_LE(hit.crystals[0].cells_per_block.x(), 40);
    EXPECT_NEAR(hit.crystals[0].lab_from_crystal.determinant(), 1.0, 1e-12);
    // The scene of image 4 is the same whatever its class.
    EXPECT_DOUBLE_EQ(miss.background[0].thickness_um, hit.background[0].thickness_um);
}

TEST(Draw, AFieldDoesNotChangeTheOthers) {
    const Recipe recipe = two_classes();
    Recipe other = recipe;
    other.classes[1].scene.cells_per_block = {Law::uniform, 50, 60};
    const Experiment a = experiment_of(recipe, 1, 9);
    const Experiment b = experiment_of(other, 1, 9);
    EXPECT_NE(a.crystals[0].cells_per_block.x(), b.crystals[0].cells_per_block.x());
    EXPECT_EQ(a.beam.fluence_photons_per_m2, b.beam.fluence_photons_per_m2);
    EXPECT_EQ(a.background[0].thickness_um, b.background[0].thickness_um);
    EXPECT_EQ(a.crystals[0].lab_from_crystal, b.crystals[0].lab_from_crystal);
}

// Fields that shared random numbers would rise and fall together: each is drawn from (0, 1) in one image, and no two
// agree.
TEST(Draw, EveryFieldHasItsOwnNumbers) {
    Recipe recipe = two_classes();
    for_each_scene_field(recipe.classes[1].scene, [](const char*, const char*, auto& value, Bounds, const char*) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Distribution>) value = {Law::uniform, 0, 1};
    });
    std::vector<float> values = drawn_values(draw_scene(recipe, {1, Split::train}, 3));
    EXPECT_EQ(values.size(), drawn_names().size());
    std::ranges::sort(values);
    EXPECT_EQ(std::ranges::adjacent_find(values), values.end());
}

TEST(Draw, LogUniformHasItsMedianAtTheGeometricMean) {
    const Distribution d{Law::log_uniform, 1, 100};
    RandomStream random(3, 0, Stage::scene);
    int below = 0;
    constexpr int draws = 20000;
    for (int i = 0; i < draws; ++i) below += d.draw(random) < 10 ? 1 : 0;
    EXPECT_NEAR(static_cast<double>(below) / draws, 0.5, 5 * 0.5 / std::sqrt(draws));
}

}  // namespace
}  // namespace braggbench
