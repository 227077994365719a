#include "labels/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "labels/draw.hpp"
#include "labels/recipe.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

bool holds(const std::string& text, const std::vector<double>& values) {
    const std::vector<std::string> names = {"a", "b.c_um", "class.no-crystal"};
    return LabelRule(text, names, "test").holds(values);
}

TEST(LabelRule, AndBindsBeforeOr) {
    EXPECT_TRUE(holds("", {0, 0, 0}));
    EXPECT_TRUE(holds("a >= 2", {2, 0, 0}));
    EXPECT_FALSE(holds("a > 2", {2, 0, 0}));
    EXPECT_TRUE(holds("a <= 2 and b.c_um < 1e-3", {2, 0, 0}));
    EXPECT_FALSE(holds("a == 2 and b.c_um != 0", {2, 0, 0}));
    EXPECT_TRUE(holds("class.no-crystal", {0, 0, 1}));
    EXPECT_FALSE(holds("class.no-crystal", {1, 1, 0}));
    EXPECT_TRUE(holds("a and b.c_um or class.no-crystal", {0, 1, 1}));
    EXPECT_FALSE(holds("a and b.c_um or class.no-crystal and a", {0, 1, 1}));
    EXPECT_TRUE(holds("a >= -1.5", {-1, 0, 0}));
}

TEST(LabelRule, SaysWhatIsWrong) {
    const auto message = [](const std::string& text) -> std::string {
        try {
            (void)holds(text, {0, 0, 0});
        } catch (const UsageError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_NE(message("b.c_nm > 1").find("Did you mean \"b.c_um\"?"), std::string::npos);
    for (const char* text : {"a >", "a > b", "a 3", "a and", "or a", "a = 3", "a > 1 b.c_um", "a > 1x"}) {
        EXPECT_NE(message(text), "") << text;
    }
}

Recipe labelled() {
    Recipe recipe;
    recipe.name = "test";
    recipe.image_count = 1000;
    recipe.scene.ice_um = {Law::log_uniform, 1, 100};
    recipe.classes = {{"blank", 1, recipe.scene}, {"shot", 3, recipe.scene}};
    recipe.classes[0].scene.crystal = false;
    VariationRule second;
    second.name = "second";
    second.among = "class.shot";
    second.prevalence = 0.4;
    second.overlay.scene.lattices = Distribution::fixed(2);
    second.overlay.stated = {"crystal.lattices"};
    VariationRule ice;
    ice.name = "ice";
    ice.prevalence = 0.2;
    ice.given = "variation.second";
    ice.prevalence_given = 0.6;
    recipe.variations = {second, ice};
    recipe.labels.attributes = {{"multi", "crystal.lattices >= 2"}, {"sharp", "class.shot and resolution_A < 3"}};
    recipe.labels.values = {{"thickness", "ice.thickness_um", "variation.ice"},
                            {"peaks", "visible_peaks", "class.shot", -1.0}};
    recipe.labels.grade = {"visible_peaks", 3, 10};
    return recipe;
}

TEST(Labeller, FollowsTheRules) {
    const Recipe recipe = labelled();
    validate(recipe);
    const Labeller labeller(recipe);
    std::vector<float> drawn = drawn_values(draw_scene(recipe, {.class_index = 1, .variations = 0b11}, 5));
    ImageTruth truth;
    truth.visible_peaks = 9;
    truth.resolution_A = 2.5;
    const ImageLabels both = labeller.labels(1, 0b11, drawn, truth);
    EXPECT_EQ(both.attributes, (std::vector<std::uint8_t>{1, 1}));
    const std::vector<std::string> names = drawn_names();
    const auto ice = static_cast<std::size_t>(std::ranges::find(names, "ice.thickness_um") - names.begin());
    EXPECT_EQ(both.values[0], drawn[ice]);
    EXPECT_EQ(both.values[1], 9.0F);
    EXPECT_EQ(both.grade, Grade::maybe);

    truth.visible_peaks = 10;
    drawn = drawn_values(draw_scene(recipe, {.class_index = 0}, 5));
    const ImageLabels blank = labeller.labels(0, 0, drawn, truth);
    EXPECT_EQ(blank.attributes, (std::vector<std::uint8_t>{0, 0}));
    EXPECT_TRUE(std::isnan(blank.values[0]));
    EXPECT_EQ(blank.values[1], -1.0F);
    EXPECT_EQ(blank.grade, Grade::hit);
    truth.visible_peaks = 2;
    EXPECT_EQ(labeller.labels(0, 0, drawn, truth).grade, Grade::miss);
    EXPECT_TRUE(blank == blank);
    EXPECT_FALSE(blank == both);
}

TEST(Variations, SharesAreMetInEverySplitAndConditionHold) {
    const Recipe recipe = labelled();
    double count[2][2] = {};  // of second, of ice
    for (const Assignment& image : draw_assignments(recipe)) {
        const bool second = (image.variations & 1U) != 0;
        const bool ice = (image.variations & 2U) != 0;
        EXPECT_TRUE(image.class_index == 1 || !second);
        ++count[second][ice];
    }
    // 750 shots, 40 % of them with a second lattice; 60 % of these have ice, 20 % of the rest.
    EXPECT_NEAR(count[1][0] + count[1][1], 300, 1);
    EXPECT_NEAR(count[1][1], 180, 2);
    EXPECT_NEAR(count[0][1], 140, 2);

    for (const Split split : {Split::train, Split::validation, Split::test}) {
        double images = 0;
        double with_ice = 0;
        for (const Assignment& image : draw_assignments(recipe)) {
            if (image.split != split) continue;
            ++images;
            with_ice += (image.variations & 2U) != 0 ? 1 : 0;
        }
        EXPECT_NEAR(with_ice, 0.32 * images, 3);
    }
}

TEST(Variations, LieOverTheClassAndLeaveTheRest) {
    Recipe recipe = labelled();
    recipe.scene.water_um = {Law::uniform, 2, 4};
    for (ClassRule& rule : recipe.classes) rule.scene.water_um = recipe.scene.water_um;
    const SceneRule without = draw_scene(recipe, {.class_index = 1}, 9);
    const SceneRule with = draw_scene(recipe, {.class_index = 1, .variations = 1}, 9);
    EXPECT_EQ(without.lattices.low, 1);
    EXPECT_EQ(with.lattices.low, 2);
    EXPECT_EQ(with.water_um, without.water_um);
    EXPECT_EQ(with.ice_um, without.ice_um);
}

TEST(Members, OfAGroupDifferInNothingElse) {
    Recipe recipe = labelled();
    recipe.members.resize(2);
    recipe.members[0].name = "clear";
    recipe.members[0].without = "ice";
    recipe.members[0].overlay.stated = {"ice.thickness_um"};
    recipe.members[1].name = "iced";
    recipe.members[1].with = "ice";
    validate(recipe);
    const auto images = draw_assignments(recipe);
    ASSERT_EQ(images.size(), 1000U);
    for (std::size_t g = 0; g < 500; ++g) {
        const Assignment& clear = images[2 * g];
        const Assignment& iced = images[2 * g + 1];
        EXPECT_EQ(clear.split, iced.split);
        EXPECT_EQ(clear.class_index, iced.class_index);
        EXPECT_EQ(clear.variations, iced.variations & ~std::uint64_t{2});
        EXPECT_EQ(iced.variations & 2U, 2U);
    }
    const SceneRule clear = draw_scene(recipe, images[6], scene_key(recipe, 6));
    const SceneRule iced = draw_scene(recipe, images[7], scene_key(recipe, 7));
    EXPECT_EQ(clear.ice_um.low, 0);
    EXPECT_GE(iced.ice_um.low, 1);
    EXPECT_EQ(clear.crystal_volume_um3, iced.crystal_volume_um3);
    EXPECT_EQ(noise_key(recipe, 6), noise_key(recipe, 7));
    recipe.image_count = 999;
    EXPECT_THROW(validate(recipe), UsageError);
}

TEST(Rasters, CrossASphere) {
    Recipe recipe = labelled();
    recipe.variations.clear();
    recipe.labels = {};
    recipe.raster = {11, 9, 10.0, Distribution::fixed(60)};
    recipe.beam_diameter_um = 5;
    recipe.image_count = 99 * 20;
    validate(recipe);
    const auto images = draw_assignments(recipe);
    // Per scan, the positions within 30 um of the centre: pi 30^2 / 10^2 of them on average.
    double on = 0;
    double volume_um3 = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
        EXPECT_EQ(images[i].split, images[i - i % 99].split);
        const SceneRule scene = draw_scene(recipe, images[i], scene_key(recipe, static_cast<std::int64_t>(i)));
        EXPECT_EQ(scene.crystal, images[i].class_index == 1);
        if (!scene.crystal) continue;
        ++on;
        volume_um3 += scene.crystal_volume_um3.low;
    }
    EXPECT_NEAR(on / 20, M_PI * 9, 4);
    // The beam's area over the step's is the share of the sphere that all shots together illuminate.
    EXPECT_NEAR(volume_um3 / 20, M_PI / 6 * 60 * 60 * 60 * (M_PI / 4 * 25) / 100, 600);
    EXPECT_NE(noise_key(recipe, 5), noise_key(recipe, 6));
}

TEST(Schema, FaultsAreNamed) {
    const auto faults = [](auto change) -> std::string {
        Recipe recipe = labelled();
        change(recipe);
        try {
            validate(recipe);
        } catch (const UsageError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(faults([](Recipe&) {}), "");
    EXPECT_NE(faults([](Recipe& r) { r.variations[0].among = "variation.ice"; }).find("variation.ice"),
              std::string::npos);
    EXPECT_NE(faults([](Recipe& r) { r.labels.attributes[0].rule = "crystal.latices >= 2"; }).find("crystal.lattices"),
              std::string::npos);
    EXPECT_NE(faults([](Recipe& r) { r.labels.grade.hit_from = 1; }).find("grade.maybe_from"), std::string::npos);
    EXPECT_NE(faults([](Recipe& r) { r.variations[1].name = "second"; }).find("twice"), std::string::npos);
    EXPECT_NE(faults([](Recipe& r) { r.variations[0].overlay.stated = {"crystal.model"}; }).find("crystal.model"),
              std::string::npos);
    EXPECT_NE(faults([](Recipe& r) { r.raster.columns = 3; }).find("raster.rows"), std::string::npos);
    EXPECT_NE(faults([](Recipe& r) {
                  r.members.resize(1);
                  r.members[0].name = "one";
                  r.members[0].with = "icy";
              }).find("Did you mean \"ice\"?"),
              std::string::npos);
}

}  // namespace
}  // namespace braggbench
