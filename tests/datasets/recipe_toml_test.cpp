#include "datasets/recipe_toml.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "labels/recipe_fields.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr const char* minimal = R"(
name = "mine"
[crystal]
cells_per_block = { log_uniform = [10, 20] }
volume_um3 = 5
[[class]]
name = "hit"
beam.fluence_photons_per_m2 = 1e23
)";

std::string failure(const std::string& toml, const std::vector<std::string>& set = {}) {
    try {
        parse_recipe(toml, "mine.toml", set);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

TEST(RecipeToml, ReadsDistributionsAndDefaults) {
    const Recipe recipe = parse_recipe(minimal, "mine.toml");
    const Recipe defaults;
    EXPECT_EQ(recipe.scene.cells_per_block.law, Law::log_uniform);
    EXPECT_DOUBLE_EQ(recipe.scene.cells_per_block.high, 20);
    EXPECT_EQ(recipe.scene.crystal_volume_um3.law, Law::fixed);
    EXPECT_EQ(recipe.width_px, defaults.width_px);
    ASSERT_EQ(recipe.classes.size(), 1U);
    EXPECT_TRUE(recipe.classes[0].scene.crystal);
}

TEST(RecipeToml, UnknownKeyNamesPlaceAndNearest) {
    const std::string text = failure(std::string(minimal) + "[detector]\ndistanse_mm = 3\n");
    EXPECT_NE(text.find("mine.toml:10:"), std::string::npos) << text;
    EXPECT_NE(text.find("detector.distanse_mm"), std::string::npos) << text;
    EXPECT_NE(text.find("Did you mean \"detector.distance_mm\"?"), std::string::npos) << text;
    EXPECT_NE(failure("nmae = 'x'\n").find("Did you mean \"name\"?"), std::string::npos);
    EXPECT_NE(failure("name = 'x'\n[[class]]\nwieght = 1\n").find("Did you mean \"class.weight\"?"), std::string::npos);
}

TEST(RecipeToml, ClassesStartFromTheRecipesScene) {
    const Recipe recipe = parse_recipe(std::string(minimal) + "crystal.present = false\n", "mine.toml");
    EXPECT_FALSE(recipe.classes[0].scene.crystal);
    EXPECT_TRUE(recipe.scene.crystal);
    EXPECT_DOUBLE_EQ(recipe.classes[0].scene.cells_per_block.high, 20);
    EXPECT_DOUBLE_EQ(recipe.classes[0].scene.fluence_photons_per_m2.low, 1e23);
    EXPECT_NE(failure(std::string(minimal) + "crystal.presnt = false\n").find("Did you mean \"crystal.present\"?"),
              std::string::npos);
    EXPECT_NE(failure(std::string(minimal) + "detector.width_px = 64\n").find("detector.width_px"), std::string::npos);
    EXPECT_NE(failure(std::string(minimal) + "crystal.cells_per_block = 1\n").find("class \"hit\""), std::string::npos);
}

TEST(RecipeToml, WrongTypesAndSyntaxAreErrors) {
    EXPECT_NE(failure("name = 3\n").find("must be a string"), std::string::npos);
    EXPECT_NE(failure("name = 'x'\n[detector]\nwidth_px = 1.5\n").find("whole number"), std::string::npos);
    EXPECT_NE(failure("name = 'x'\n[detector]\nwidth_px = 99999999999\n").find("out of range"), std::string::npos);
    EXPECT_NE(failure("name = 'x'\n[crystal]\nvolume_um3 = { normal = [1, 2] }\n").find("not a distribution"),
              std::string::npos);
    EXPECT_NE(failure("name = \n").find("mine.toml:1:"), std::string::npos);
    EXPECT_NE(failure("name = 'x'\ndetector = 3\n").find("write [detector]"), std::string::npos);
    EXPECT_NE(failure("name = 'x'\nclass = 3\n").find("[[class]]"), std::string::npos);
}

TEST(RecipeToml, OverridesReplaceAndAreChecked) {
    const Recipe recipe = parse_recipe(minimal, "mine.toml",
                                       {"crystal.model=photosystem-2", "detector.distance_mm=200", "name=\"other\"",
                                        "background.water_um={ uniform = [1, 2] }"});
    EXPECT_EQ(recipe.scene.model, "photosystem-2");
    EXPECT_DOUBLE_EQ(recipe.distance_mm, 200);
    EXPECT_EQ(recipe.name, "other");
    EXPECT_EQ(recipe.scene.water_um.law, Law::uniform);
    EXPECT_NE(failure(minimal, {"detector.distance_mm=-5"}).find("detector.distance_mm = -5"), std::string::npos);
    EXPECT_NE(failure(minimal, {"detector.distance=5"}).find("--set: unknown key"), std::string::npos);
    EXPECT_NE(failure(minimal, {"detector.distance_mm"}).find("key=value"), std::string::npos);
    EXPECT_NE(failure(minimal, {"class.weight=2"}).find("names no table"), std::string::npos);
}

TEST(RecipeToml, APresetOnTheCommandLineReplacesTheRecipesDetector) {
    const Recipe recipe = load_recipe("still", {"detector.preset=pilatus-1m", "response.offset_adu=7"});
    EXPECT_EQ(recipe.width_px, 981);
    EXPECT_EQ(recipe.height_px, 1043);
    EXPECT_EQ(recipe.response.read_noise_rms_adu, 0.0);
    EXPECT_EQ(recipe.response.offset_adu, 7.0);
    EXPECT_EQ(recipe.distance_mm, load_recipe("still").distance_mm);
    const std::string text = to_toml(recipe);
    EXPECT_EQ(to_toml(parse_recipe(text, "written")), text);
}

TEST(RecipeToml, WrittenRecipeReadsBackTheSame) {
    for (const auto& builtin : builtin_recipes()) {
        const Recipe recipe = parse_recipe(builtin.toml, builtin.name);
        EXPECT_EQ(recipe.name, builtin.name);
        const std::string text = to_toml(recipe);
        EXPECT_EQ(to_toml(parse_recipe(text, "written")), text);
    }
}

TEST(RecipeToml, UnknownRecipeAndMissingFile) {
    EXPECT_THROW(load_recipe("difranet"), UsageError);
    try {
        load_recipe("difranet");
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("diffranet"), std::string::npos);
    }
    EXPECT_THROW(load_recipe("/nowhere/at-all.toml"), DataError);
}

TEST(RecipeToml, DiffranetHasThePublishedProportions) {
    const Recipe recipe = load_recipe("diffranet");
    std::vector<double> weights;
    for (const auto& rule : recipe.classes) weights.push_back(rule.weight);
    EXPECT_EQ(weights, (std::vector<double>{2069, 3268, 3346, 2444, 1472}));  // Nawaz et al. 2023, table 3
    EXPECT_EQ(recipe.width_px, 512);
}

constexpr const char* labelled = R"(
name = "labelled"
[ice]
thickness_um = 0
[[class]]
name = "shot"
[[variation]]
name = "ice"
prevalence = 0.3
ice.thickness_um = { log_uniform = [1, 100] }
[[member]]
name = "dim"
beam.fluence_photons_per_m2 = 1e20
[[member]]
name = "bright"
with = "ice"
[[attribute]]
name = "icy"
rule = "ice.thickness_um > 0"
[[value]]
name = "thickness"
quantity = "ice.thickness_um"
where = "variation.ice"
[grade]
quantity = "visible_peaks"
maybe_from = 1
hit_from = 5
)";

TEST(RecipeToml, LabelsVariationsAndMembersComeBack) {
    const Recipe recipe = parse_recipe(labelled, "labelled.toml");
    ASSERT_EQ(recipe.variations.size(), 1U);
    EXPECT_EQ(recipe.variations[0].overlay.stated, std::vector<std::string>{"ice.thickness_um"});
    EXPECT_EQ(recipe.variations[0].overlay.scene.ice_um.high, 100);
    EXPECT_EQ(recipe.members[1].with, "ice");
    EXPECT_EQ(recipe.labels.attributes[0].rule, "ice.thickness_um > 0");
    EXPECT_EQ(recipe.labels.grade.hit_from, 5);
    const std::string text = to_toml(recipe);
    EXPECT_EQ(to_toml(parse_recipe(text, "again")), text);
    EXPECT_NE(failure(std::string(labelled) + "[[variation]]\nname = 'x'\nprevalense = 1\n")
                  .find("Did you mean \"variation.prevalence\"?"),
              std::string::npos);
    EXPECT_NE(failure(std::string(labelled) + "[[variation]]\nname = 'x'\nice.thicknes_um = 1\n")
                  .find("Did you mean \"ice.thickness_um\"?"),
              std::string::npos);
}

TEST(RecipeToml, EntriesAreSetByName) {
    const Recipe recipe =
        parse_recipe(labelled, "labelled.toml", {"variation.ice.prevalence=0.5", "class.shot.crystal.model=lysozyme"});
    EXPECT_EQ(recipe.variations[0].prevalence, 0.5);
    EXPECT_EQ(recipe.classes[0].scene.model, "lysozyme");
    EXPECT_NE(failure(labelled, {"variation.icy.prevalence=0.5"}).find("variation.icy"), std::string::npos);
    EXPECT_NE(failure(labelled, {"variation.ice=0.5"}).find("variation.ice"), std::string::npos);
}

TEST(RecipeToml, ExtendsAnotherByName) {
    const auto path =
        std::filesystem::temp_directory_path() / ("braggbench-base-" + std::to_string(getpid()) + ".toml");
    std::ofstream(path) << labelled;
    const std::string own = "extends = '" + path.string() + R"('
name = "mine"
[[variation]]
name = "ice"
prevalence = 0.9
[[variation]]
name = "film"
background.film_um = 50
)";
    const Recipe recipe = parse_recipe(own, "mine.toml");
    EXPECT_EQ(recipe.name, "mine");
    ASSERT_EQ(recipe.variations.size(), 2U);
    EXPECT_EQ(recipe.variations[0].prevalence, 0.9);
    EXPECT_EQ(recipe.variations[0].overlay.scene.ice_um.high, 100);
    EXPECT_EQ(recipe.labels.attributes.size(), 1U);
    // Faults are placed in the file that they are in.
    EXPECT_NE(failure(own + "colour = 1\n").find("mine.toml:9:"), std::string::npos) << failure(own + "colour = 1\n");
    std::ofstream(path) << labelled << "colour = 1\n";
    EXPECT_NE(failure(own).find(path.string() + ":"), std::string::npos) << failure(own);
    std::ofstream(path) << "extends = '" << path.string() << "'\n";
    EXPECT_NE(failure(own).find("circle"), std::string::npos);
    std::filesystem::remove(path);
    EXPECT_NE(failure("extends = 'difranet'\n").find("Did you mean \"diffranet\"?"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
