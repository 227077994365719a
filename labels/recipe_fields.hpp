// The one list of a recipe's fields: section, key, bounds and help. Parsing, writing, validation and the documentation
// (`braggbench recipes NAME`) all walk it.
#pragma once

#include <limits>

#include "labels/recipe.hpp"

namespace braggbench {

// Inclusive bounds of a number, or of both ends of a distribution.
struct Bounds {
    double low = -std::numeric_limits<double>::max();
    double high = std::numeric_limits<double>::max();
};

// Calls visit(section, key, value, bounds, help) for every field that is the same for the whole corpus. An empty
// section is the top level.
template <class RecipeRef, class Visitor>
void for_each_corpus_field(RecipeRef& r, Visitor&& visit) {
    const Bounds text{};
    visit("", "name", r.name, text, "what the corpus is called");
    visit("", "description", r.description, text, "one sentence on what it is for");

    visit("corpus", "image_count", r.image_count, Bounds{1, 1e8}, "images in the corpus");
    visit("corpus", "seed", r.seed, Bounds{0, 9e18}, "keys every random draw");
    visit("corpus", "validation_fraction", r.validation_fraction, Bounds{0, 0.9}, "share for choosing among epochs");
    visit("corpus", "test_fraction", r.test_fraction, Bounds{0, 0.9}, "share held out for evaluation");

    visit("response", "gain_adu_per_photon", r.gain_adu_per_photon, Bounds{1e-6, 1e6}, "ADU per photon");
    visit("response", "read_noise_rms_adu", r.read_noise_rms_adu, Bounds{0, 1e5}, "Gaussian, per pixel");
    visit("response", "offset_adu", r.offset_adu, Bounds{0, 60000}, "value of a dark pixel");
    visit("response", "saturation_adu", r.saturation_adu, Bounds{1, 65535}, "highest value a pixel reports");

    visit("detector", "preset", r.detector_preset, text,
          "none, or a name that `braggbench detectors` lists: sets the rest of [detector] and [response]");
    visit("detector", "width_px", r.width_px, Bounds{16, 16384}, "pixels along fast");
    visit("detector", "height_px", r.height_px, Bounds{16, 16384}, "pixels along slow");
    visit("detector", "pixel_size_mm", r.pixel_size_mm, Bounds{1e-3, 10}, "edge of a square pixel");
    visit("detector", "distance_mm", r.distance_mm, Bounds{1, 1e5}, "sample to detector along the beam");
    visit("detector", "sensor_thickness_um", r.sensor_thickness_um, Bounds{0, 1e4}, "0 = captures every photon");
    visit("detector", "sensor_attenuation_length_um", r.sensor_attenuation_length_um, Bounds{0, 1e6},
          "1/mu of the sensor; 0 = captures every photon");

    visit("beam", "wavelength_A", r.wavelength_A, Bounds{0.05, 20}, "mean wavelength");
    visit("beam", "diameter_um", r.beam_diameter_um, Bounds{0.01, 1e4}, "of a uniform round beam");
    visit("beam", "polarization", r.polarization, Bounds{-1, 1}, "Kahn factor; 1 = field along lab x");
}

// The same for every field of a scene, which a [[class]] may state anew as "section.key".
template <class SceneRef, class Visitor>
void for_each_scene_field(SceneRef& s, Visitor&& visit) {
    constexpr double tiny = 1e-12;
    const Bounds text{};
    visit("detector", "beam_fast_px", s.beam_fast_px, Bounds{-1e5, 1e5}, "beam centre from pixel (0,0)'s outer corner");
    visit("detector", "beam_slow_px", s.beam_slow_px, Bounds{-1e5, 1e5}, "the same along slow");

    visit("detector", "shift_x_mm", s.shift_x_mm, Bounds{-1e4, 1e4}, "moves the detector along lab x (left)");
    visit("detector", "shift_y_mm", s.shift_y_mm, Bounds{-1e4, 1e4}, "moves it along lab y (up)");

    visit("beam", "fluence_photons_per_m2", s.fluence_photons_per_m2, Bounds{0, 1e32}, "of one shot; 0 = no X-rays");
    visit("beam", "bandwidth_rms_fraction", s.bandwidth_rms_fraction, Bounds{0, 0.05}, "sigma(lambda)/lambda");
    visit("beam", "divergence_rms_mrad", s.divergence_rms_mrad, Bounds{0, 20}, "per transverse axis");

    visit("crystal", "present", s.crystal, text, "is a crystal in the beam");
    visit("crystal", "model", s.model, text, "built-in model name, or a path to PDB, mmCIF, MTZ");
    visit("crystal", "d_min_A", s.d_min_A, Bounds{0.8, 50}, "resolution limit of the structure factors");
    visit("crystal", "cells_per_block", s.cells_per_block, Bounds{3, 1e4}, "coherent cells along each axis");
    visit("crystal", "mosaic_spread_rms_deg", s.mosaic_spread_rms_deg, Bounds{0, 5}, "Gaussian, about each axis");
    visit("crystal", "volume_um3", s.crystal_volume_um3, Bounds{tiny, 1e9}, "illuminated crystal volume");

    visit("background", "water_um", s.water_um, Bounds{0, 1e6}, "path through water");
    visit("background", "air_um", s.air_um, Bounds{0, 1e7}, "path through air");

    visit("beam_stop", "shape", s.beam_stop, text, "none, circle, circle+arm or wedge, at the detector");
    visit("beam_stop", "size_mm", s.beam_stop_size_mm, Bounds{tiny, 1e4}, "diameter, or length of a wedge");
    visit("beam_stop", "arm_width_mm", s.beam_stop_arm_width_mm, Bounds{tiny, 1e4}, "of circle+arm");
    visit("beam_stop", "opening_deg", s.beam_stop_opening_deg, Bounds{1, 170}, "full angle of a wedge");
    visit("beam_stop", "direction_deg", s.beam_stop_direction_deg, Bounds{-360, 360},
          "of arm or wedge, from lab x (left) towards y (up)");
    visit("beam_stop", "penumbra_mm", s.beam_stop_penumbra_mm, Bounds{0, 1e3}, "width of its soft edge");

    visit("particles", "shape", s.particle, text, "none, sphere, icosahedron, globule, or a path to PDB or mmCIF");
    visit("particles", "count", s.particle_count, Bounds{0, 50}, "in the focus, to the nearest whole number");
    visit("particles", "diameter_nm", s.particle_diameter_nm, Bounds{1, 1e4}, "of shapes; a file keeps its own");
    visit("particles", "contrast_e_per_A3", s.particle_contrast_e_per_A3, Bounds{1e-6, 10}, "of shapes");
    visit("particles", "focus_depth_um", s.particle_focus_depth_um, Bounds{0, 1e4}, "where particles are found");
    visit("particles", "weakest_share", s.particle_weakest_share, Bounds{0, 1}, "fluence shares run from here to 1");

    visit("small_angle", "kinds", s.small_angle, text, "none, or names joined by '+': halo, ring, fcc, textured, ...");
    visit("small_angle", "photons_per_px", s.small_angle_photons_per_px, Bounds{0, 1e9},
          "of each kind's brightest feature, about");
}

// The same for what a [[class]] states besides its scene.
template <class RuleRef, class Visitor>
void for_each_class_field(RuleRef& c, Visitor&& visit) {
    visit("class", "name", c.name, Bounds{}, "the label");
    visit("class", "weight", c.weight, Bounds{1e-9, 1e12}, "share of the corpus, relative to the others");
}

}  // namespace braggbench
