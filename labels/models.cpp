#include "labels/models.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "labels/draw.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

// How far the detector sees when it stands as far off the beam as the recipe lets it.
double reach_invA(const Recipe& recipe, const SceneRule& scene) {
    double reach = 0.0;
    for (const bool fast_end : {false, true}) {
        for (const bool slow_end : {false, true}) {
            Experiment experiment;
            experiment.beam.wavelength_A = recipe.wavelength_A;
            const auto end = [](const Distribution& d, bool high) {
                return Distribution::fixed(high ? d.high : d.low);
            };
            SceneRule corner = scene;
            corner.beam_fast_px = end(scene.beam_fast_px, fast_end);
            corner.beam_slow_px = end(scene.beam_slow_px, slow_end);
            corner.shift_x_mm = end(scene.shift_x_mm, fast_end);
            corner.shift_y_mm = end(scene.shift_y_mm, slow_end);
            experiment.detector = make_detector(recipe, corner);
            reach = std::max(reach, largest_q_invA(experiment));
        }
    }
    return reach;
}

// Shapes are stretched from the middle of their sizes: the transform must reach further by what the largest is longer.
std::shared_ptr<const ParticleTransform> load_particle(const SceneRule& scene, double reach) {
    const auto form = particle_form(scene.particle);
    if (!form) return std::make_shared<const ParticleTransform>(transform_atoms(scene.particle, reach * 1.01));
    ParticleShape shape;
    shape.form = *form;
    shape.diameter_A = base_diameter_nm(scene) * 10.0;
    shape.contrast_e_per_A3 = scene.particle_contrast_e_per_A3;
    const double stretch = scene.particle_diameter_nm.high / base_diameter_nm(scene);
    return std::make_shared<const ParticleTransform>(transform_shape(shape, reach * stretch * 1.01));
}

}  // namespace

Models load_models(const Recipe& recipe) {
    std::map<std::pair<std::string, double>, std::shared_ptr<const StructureFactors>> crystals;
    std::map<std::tuple<std::string, double, double, double, double>, std::shared_ptr<const ParticleTransform>>
        particles;
    Models models;
    for (const ClassRule& rule : recipe.classes) {
        const SceneRule& scene = rule.scene;
        ClassModels& of_class = models.emplace_back();
        if (scene.crystal) {
            auto& crystal = crystals[{scene.model, scene.d_min_A}];
            if (!crystal) {
                crystal = std::make_shared<const StructureFactors>(load_structure_factors(scene.model, scene.d_min_A));
            }
            of_class.structure_factors = crystal;
        }
        if (scene.particle != "none" && scene.particle_count.high >= 0.5) {
            const double reach = reach_invA(recipe, scene);
            auto& particle = particles[{scene.particle, scene.particle_contrast_e_per_A3,
                                        scene.particle_diameter_nm.low, scene.particle_diameter_nm.high, reach}];
            if (!particle) particle = load_particle(scene, reach);
            of_class.particle = particle;
        }
    }
    return models;
}

}  // namespace braggbench
