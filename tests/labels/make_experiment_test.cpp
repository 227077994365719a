#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "labels/draw.hpp"
#include "simulator/render.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

Recipe small() {
    Recipe recipe;
    recipe.name = "test";
    recipe.width_px = 64;
    recipe.height_px = 48;
    recipe.pixel_size_mm = 1.0;
    recipe.distance_mm = 60;
    recipe.scene.beam_fast_px = Distribution::fixed(32);
    recipe.scene.beam_slow_px = Distribution::fixed(24);
    recipe.scene.crystal = false;
    return recipe;
}

// One class with the recipe's scene after `change`, image 3 of it.
Experiment experiment_of(const std::function<void(SceneRule&)>& change) {
    Recipe recipe = small();
    change(recipe.scene);
    recipe.classes = {{"it", 1.0, recipe.scene}};
    validate(recipe);
    ClassModels models;
    if (recipe.scene.crystal) {
        models.structure_factors = std::make_shared<const StructureFactors>(
            UnitCell{50, 50, 70, 90, 90, 90}, "P 1", 3.0, MillerIndex{10, 10, 15},
            std::vector<float>(std::size_t{21} * 21 * 31, 200.0F));
    } else {
        models = load_models(recipe)[0];
    }
    return make_experiment(recipe, draw_scene(recipe, {0, Split::train}, 3), 3, models);
}

double photons(const Experiment& experiment) {
    const Image<float> image = render(experiment).expected_photons;
    EXPECT_TRUE(std::ranges::all_of(image.pixels, [](float p) { return std::isfinite(p) && p >= 0.0F; }));
    return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0);
}

TEST(MakeExperiment, EveryPartOfASceneAddsPhotonsOrTakesThem) {
    const auto fixed = [](double value) { return Distribution::fixed(value); };
    EXPECT_EQ(photons(experiment_of([](SceneRule&) {})), 0.0);
    const double water = photons(experiment_of([&](SceneRule& s) { s.water_um = fixed(10); }));
    EXPECT_GT(water, 0.0);
    EXPECT_GT(photons(experiment_of([&](SceneRule& s) {
                  s.water_um = fixed(10);
                  s.medium = "lcp";
                  s.medium_um = fixed(10);
              })),
              1.2 * water);
    EXPECT_GT(photons(experiment_of([&](SceneRule& s) { s.ice_um = fixed(1); })), 0.0);
    EXPECT_GT(photons(experiment_of([&](SceneRule& s) { s.streak_photons_per_px = fixed(50); })), 0.0);
    EXPECT_GT(photons(experiment_of([&](SceneRule& s) { s.small_angle = "ring+halo"; })), 0.0);
    EXPECT_GT(photons(experiment_of([&](SceneRule& s) {
                  s.particle = "sphere";
                  s.particle_diameter_nm = fixed(1.5);
              })),
              0.0);
    for (const char* stop : {"circle", "circle+arm", "wedge"}) {
        EXPECT_LT(photons(experiment_of([&](SceneRule& s) {
                      s.water_um = fixed(10);
                      s.beam_stop = stop;
                      s.beam_stop_size_mm = fixed(30);
                  })),
                  0.995 * water)
            << stop;
    }
    EXPECT_LT(photons(experiment_of([&](SceneRule& s) {
                  s.water_um = fixed(10);
                  s.film_um = fixed(500);
              })),
              0.99 * water);
}

TEST(MakeExperiment, LatticesShareTheVolumeAndIceGrainsAreNotLattices) {
    const Experiment experiment = experiment_of([](SceneRule& s) {
        s.crystal = true;
        s.crystal_volume_um3 = Distribution::fixed(6);
        s.lattices = Distribution::fixed(3);
        s.ice_single_grains = Distribution::fixed(2);
    });
    ASSERT_EQ(experiment.crystals.size(), 5U);
    double volume = 0;
    for (const Crystal& crystal : experiment.crystals) {
        if (crystal.kind == PeakKind::protein) volume += crystal.illuminated_volume_um3;
    }
    EXPECT_NEAR(volume, 6.0, 1e-9);
    EXPECT_EQ(experiment.crystals.back().kind, PeakKind::ice);
    EXPECT_FALSE(experiment.crystals[3].lab_from_crystal.isApprox(experiment.crystals[4].lab_from_crystal, 1e-3));
}

TEST(MakeExperiment, SpectraHaveTheWidthAskedFor) {
    const auto rms_of = [](const char* spectrum) {
        const Experiment experiment = experiment_of([&](SceneRule& s) {
            s.spectrum = spectrum;
            s.bandwidth_rms_fraction = Distribution::fixed(0.01);
            s.sase_spikes = Distribution::fixed(3000);
        });
        double weight = 0;
        double second = 0;
        for (const SpectrumLine& line : experiment.beam.spectrum.lines) {
            const double own =
                line.width_fraction / (line.profile == SpectrumLine::Profile::top_hat ? std::sqrt(12.0) : 1);
            weight += line.weight;
            second += line.weight * (line.centre_fraction * line.centre_fraction + own * own);
        }
        return std::sqrt(second / weight);
    };
    EXPECT_NEAR(rms_of("gaussian"), 0.01, 1e-9);
    EXPECT_NEAR(rms_of("top-hat"), 0.01, 1e-9);
    EXPECT_NEAR(rms_of("sase"), 0.01, 0.001);
    EXPECT_NEAR(rms_of("two-colour"), std::hypot(0.01, 0.01), 1e-6);  // lines 0.02 apart, each 0.01 wide
}

TEST(MakeExperiment, PresetsStandWhereTheyArePut) {
    Recipe recipe = small();
    recipe.detector_preset = "pilatus-300k";
    apply_detector_preset(recipe);
    SceneRule scene;
    const Detector middle = make_detector(recipe, scene);
    EXPECT_EQ(middle.panels.size(), 3U);
    EXPECT_EQ(middle.image_width_px, recipe.width_px);
    scene.shift_x_mm = Distribution::fixed(7);
    const Detector moved = make_detector(recipe, scene);
    EXPECT_TRUE((moved.panels[1].origin_mm - middle.panels[1].origin_mm).isApprox(Eigen::Vector3d(7, 0, 0), 1e-9));
}

TEST(MakeExperiment, AnAssembledPresetMovesWithoutChangingItsPicture) {
    Recipe recipe = small();
    recipe.detector_preset = "cspad";
    recipe.assembled = true;
    apply_detector_preset(recipe);
    SceneRule scene;
    const Detector middle = make_detector(recipe, scene);
    EXPECT_EQ(middle.panels.size(), 64U);
    EXPECT_EQ(middle.image_width_px, recipe.width_px);
    scene.shift_y_mm = Distribution::fixed(0.42);
    const Detector moved = make_detector(recipe, scene);
    EXPECT_EQ(active_pixels(moved), active_pixels(middle));
    EXPECT_TRUE((moved.panels[9].origin_mm - middle.panels[9].origin_mm).isApprox(Eigen::Vector3d(0, 0.42, 0), 1e-9));
}

}  // namespace
}  // namespace braggbench
