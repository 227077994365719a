#include "labels/recipe.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

Recipe valid() {
    Recipe recipe;
    recipe.name = "test";
    recipe.classes = {{.name = "hit", .weight = 1, .scene = recipe.scene}};
    return recipe;
}

std::string faults(const Recipe& recipe) {
    try {
        validate(recipe);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

TEST(Recipe, ValidPasses) { EXPECT_EQ(faults(valid()), ""); }

TEST(Recipe, AllFaultsAtOnce) {
    Recipe recipe = valid();
    recipe.distance_mm = -120;
    recipe.wavelength_A = std::numeric_limits<double>::quiet_NaN();
    recipe.scene.water_um = {Law::uniform, 5, 2};
    recipe.scene.cells_per_block = {Law::log_uniform, 0, 5};
    const std::string text = faults(recipe);
    for (const char* part : {"detector.distance_mm = -120", "beam.wavelength_A = nan", "background.water_um = [5, 2]",
                             "crystal.cells_per_block"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }
}

TEST(Recipe, ClassesAreChecked) {
    Recipe recipe = valid();
    recipe.classes.push_back(recipe.classes.front());
    EXPECT_NE(faults(recipe).find("twice"), std::string::npos);
    recipe.classes = {};
    EXPECT_NE(faults(recipe).find("[[class]]"), std::string::npos);
    recipe = valid();
    recipe.classes[0].scene.fluence_photons_per_m2 = Distribution::fixed(0);
    EXPECT_NE(faults(recipe).find("no X-rays"), std::string::npos);
}

TEST(Recipe, KindsOfSeveralOverlaysJoin) {
    SceneRule scene;
    SceneOverlay halo;
    halo.stated = {"small_angle.kinds"};
    halo.scene.small_angle = "halo";
    SceneOverlay ring = halo;
    ring.scene.small_angle = "ring";
    apply_overlay(halo, scene);
    EXPECT_EQ(scene.small_angle, "halo");
    apply_overlay(ring, scene);
    EXPECT_EQ(scene.small_angle, "halo+ring");
    SceneOverlay none = halo;
    none.scene.small_angle = "none";
    apply_overlay(none, scene);
    EXPECT_EQ(scene.small_angle, "none");
}

TEST(Recipe, WordsAreCheckedWithTheNearest) {
    Recipe recipe = valid();
    recipe.classes[0].scene.beam_stop = "wedg";
    recipe.classes[0].scene.small_angle = "halo+rings";
    EXPECT_NE(faults(recipe).find("Did you mean \"wedge\"?"), std::string::npos) << faults(recipe);
    EXPECT_NE(faults(recipe).find("Did you mean \"ring\"?"), std::string::npos) << faults(recipe);
}

TEST(Recipe, APresetSetsTheDetectorAndForbidsContradictions) {
    Recipe recipe = valid();
    recipe.detector_preset = "pilatus-6m";
    apply_detector_preset(recipe);
    EXPECT_EQ(recipe.width_px, 2463);
    EXPECT_EQ(recipe.pixel_size_mm, 0.172);
    EXPECT_EQ(faults(recipe), "");
    recipe.height_px = 100;
    recipe.scene.beam_fast_px = Distribution::fixed(40);
    EXPECT_NE(faults(recipe).find("2463 x 2527"), std::string::npos) << faults(recipe);
    EXPECT_NE(faults(recipe).find("shift_x_mm"), std::string::npos) << faults(recipe);
    recipe.detector_preset = "pilatus-7m";
    EXPECT_NE(faults(recipe).find("pilatus-"), std::string::npos) << faults(recipe);
}

TEST(Recipe, APresetCanBeAssembled) {
    Recipe recipe = valid();
    recipe.detector_preset = "cspad";
    apply_detector_preset(recipe);
    EXPECT_EQ(recipe.width_px, 1552);
    recipe.assembled = true;
    apply_detector_preset(recipe);
    EXPECT_GT(recipe.width_px, 1700);  // with the gaps between the tiles
    EXPECT_GT(recipe.height_px, 1700);
    EXPECT_EQ(faults(recipe), "");
}

TEST(Recipe, SplitsMustLeaveTrainingImages) {
    Recipe recipe = valid();
    recipe.validation_fraction = 0.5;
    recipe.test_fraction = 0.5;
    EXPECT_NE(faults(recipe).find("train"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
