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

    auto& x = r.response;
    visit("response", "gain_adu_per_photon", x.gain_adu_per_photon, Bounds{1e-6, 1e6}, "ADU per photon");
    visit("response", "read_noise_rms_adu", x.read_noise_rms_adu, Bounds{0, 1e5}, "Gaussian, per pixel");
    visit("response", "offset_adu", x.offset_adu, Bounds{0, 60000}, "value of a dark pixel");
    visit("response", "saturation_adu", x.saturation_adu, Bounds{1, 65535}, "highest value a pixel reports");
    visit("response", "image_flicker_rms", x.image_flicker_rms, Bounds{0, 1}, "of the source, from image to image");
    visit("response", "flat_field_rms", x.flat_field_rms, Bounds{0, 1}, "what calibration leaves of each pixel's gain");
    visit("response", "gaussian_fwhm_px", x.point_spread.gaussian_fwhm_px, Bounds{0, 20}, "point spread");
    visit("response", "fiber_fwhm_px", x.point_spread.fiber_fwhm_px, Bounds{0, 20}, "point spread's wide tail");
    visit("response", "fiber_fraction", x.point_spread.fiber_fraction, Bounds{0, 1},
          "share of the photons in the tail");
    visit("response", "dead_time_ns", x.dead_time.dead_time_ns, Bounds{0, 1e6}, "of a counting detector; 0 = none");
    visit("response", "exposure_s", x.dead_time.exposure_s, Bounds{1e-9, 1e4}, "which the dead time is a share of");
    visit("response", "dead_fraction", x.defects.dead_fraction, Bounds{0, 0.5}, "of the pixels");
    visit("response", "hot_fraction", x.defects.hot_fraction, Bounds{0, 0.5}, "of the pixels");
    visit("response", "bad_columns", x.defects.drawn_bad_columns, Bounds{0, 1000}, "dead lines along slow");
    visit("response", "detector_seed", x.detector_seed, Bounds{0, 9e18}, "keys flat field and defects");

    visit("detector", "preset", r.detector_preset, text,
          "none, or a name of docs/detectors.md: sets the rest of [detector] and [response]");
    visit("detector", "assembled", r.assembled, text,
          "the preset's panels as they lie in space; false = as its raw data stack them");
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

    visit("integrator", "name", r.integrator, text, "of lattices: spots, or pixels, which samples (docs/spots.md)");
    visit("integrator", "samples", r.integrator_samples, Bounds{1, 1e7}, "of pixels: blocks, wavelengths, directions");
    visit("integrator", "oversample", r.integrator_oversample, Bounds{1, 100},
          "points along a pixel's edge, of pixels");

    visit("raster", "columns", r.raster.columns, Bounds{0, 10000}, "of a grid scan across each crystal; 0 = none");
    visit("raster", "rows", r.raster.rows, Bounds{0, 10000}, "of it");
    visit("raster", "step_um", r.raster.step_um, Bounds{1e-3, 1e4}, "between its positions");
    visit("raster", "crystal_diameter_um", r.raster.crystal_diameter_um, Bounds{1e-3, 1e5}, "of a spherical crystal");

    visit("grade", "quantity", r.labels.grade.quantity, text, "what tells miss, maybe and hit; empty = no grades");
    visit("grade", "maybe_from", r.labels.grade.maybe_from, Bounds{}, "a maybe from this value on");
    visit("grade", "hit_from", r.labels.grade.hit_from, Bounds{}, "a hit from this value on");
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
    visit("beam", "spectrum", s.spectrum, text, "gaussian, top-hat, sase or two-colour");
    visit("beam", "bandwidth_rms_fraction", s.bandwidth_rms_fraction, Bounds{0, 0.05}, "sigma(lambda)/lambda");
    visit("beam", "sase_spikes", s.sase_spikes, Bounds{1, 10000}, "in one shot's spectrum");
    visit("beam", "colour_separation_fraction", s.colour_separation_fraction, Bounds{0, 0.5}, "between two colours");
    visit("beam", "divergence_rms_mrad", s.divergence_rms_mrad, Bounds{0, 20}, "per transverse axis");

    visit("crystal", "present", s.crystal, text, "is a crystal in the beam");
    visit("crystal", "model", s.model, text, "built-in model name, or a path to PDB, mmCIF, MTZ");
    visit("crystal", "d_min_A", s.d_min_A, Bounds{0.8, 50}, "resolution limit of the structure factors");
    visit("crystal", "cells_per_block", s.cells_per_block, Bounds{3, 1e4}, "coherent cells along each axis");
    visit("crystal", "mosaic_spread_rms_deg", s.mosaic_spread_rms_deg, Bounds{0, 5}, "Gaussian, about each axis");
    visit("crystal", "mosaic_law", s.mosaic_law, text, "gaussian or nanobragg-cap");
    visit("crystal", "volume_um3", s.crystal_volume_um3, Bounds{tiny, 1e9}, "illuminated, of all lattices together");
    visit("crystal", "b_factor_A2", s.b_factor_A2, Bounds{-100, 500}, "beyond that of the structure factors");
    visit("crystal", "halo_fraction", s.halo_fraction, Bounds{0, 1}, "of each spot in a diffuse halo");
    visit("crystal", "halo_rms_invA", s.halo_rms_invA, Bounds{0, 0.1}, "width of that halo");
    visit("crystal", "lattices", s.lattices, Bounds{1, 50}, "in the beam, to the nearest whole number");
    visit("crystal", "misorientation", s.misorientation, text, "of further lattices: rms, fixed or random");
    visit("crystal", "misorientation_deg", s.misorientation_deg, Bounds{0, 180}, "rms about each axis, or the angle");
    visit("crystal", "volume_spread", s.volume_spread, Bounds{0, 3}, "rms of ln(volume) between lattices");
    visit("crystal", "pieces", s.pieces, Bounds{1, 20}, "that each lattice is cracked into");
    visit("crystal", "crack_rms_deg", s.crack_rms_deg, Bounds{0, 30}, "of the pieces about their lattice");
    visit("crystal", "twin_law", s.twin_law, text, "such as k,h,-l; empty = no twin");
    visit("crystal", "twin_fraction", s.twin_fraction, Bounds{0, 0.5}, "of the volume");
    visit("crystal", "further_volume", s.further_volume, Bounds{0, 1000},
          "of each further lattice, the first being 1; 0 = equal but for volume_spread");
    visit("crystal", "further_mosaic_spread_rms_deg", s.further_mosaic_spread_rms_deg, Bounds{0, 5},
          "of the further lattices; 0 = as the first");

    visit("background", "water_um", s.water_um, Bounds{0, 1e6}, "path through water");
    visit("background", "air_um", s.air_um, Bounds{0, 1e7}, "path through air");
    visit("background", "medium", s.medium, text, "none, or another material: see docs/backgrounds.md");
    visit("background", "medium_um", s.medium_um, Bounds{0, 1e6}, "path through it");
    visit("background", "film_um", s.film_um, Bounds{0, 1e4}, "Kapton beside the beam, shading one side; 0 = none");
    visit("background", "film_azimuth_deg", s.film_azimuth_deg, Bounds{-360, 360}, "of that side");
    visit("background", "streak_photons_per_px", s.streak_photons_per_px, Bounds{0, 1e6},
          "of a jet streak near the beam");
    visit("background", "streak_azimuth_deg", s.streak_azimuth_deg, Bounds{-360, 360},
          "of the jet; the streak is across");

    visit("ice", "thickness_um", s.ice_um, Bounds{0, 1e5}, "of solid ice as powder; 0 = none");
    visit("ice", "cubicity", s.ice_cubicity, Bounds{0, 1}, "0 = hexagonal, 1 = cubic, between: stacking disorder");
    visit("ice", "crystallite_nm", s.ice_crystallite_nm, Bounds{2, 1e5}, "sets the rings' width");
    visit("ice", "grains", s.ice_grains, Bounds{0, 1e7}, "in the beam: fewer are spottier; 0 = smooth rings");
    visit("ice", "march", s.ice_march, Bounds{0.05, 20}, "texture: 1 = none, below 1 partial rings");
    visit("ice", "single_grains", s.ice_single_grains, Bounds{0, 50}, "large grains in reflection, whole number");
    visit("ice", "single_grain_um", s.ice_single_grain_um, Bounds{0.01, 100}, "edge of a large grain");
    visit("ice", "damage_photons_per_px", s.ice_damage_photons_per_px, Bounds{0, 1e15}, "that harm the detector");

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

template <class RuleRef, class Visitor>
void for_each_variation_field(RuleRef& v, Visitor&& visit) {
    visit("variation", "name", v.name, Bounds{}, "what rules call it: variation.NAME");
    visit("variation", "prevalence", v.prevalence, Bounds{0, 1}, "share of the images that can have it");
    visit("variation", "among", v.among, Bounds{}, "which can: a condition on class.NAME and earlier variation.NAME");
    visit("variation", "given", v.given, Bounds{}, "where prevalence_given holds instead");
    visit("variation", "prevalence_given", v.prevalence_given, Bounds{0, 1}, "share of those");
}

template <class RuleRef, class Visitor>
void for_each_member_field(RuleRef& m, Visitor&& visit) {
    visit("member", "name", m.name, Bounds{}, "what tells it from the others of its group");
    visit("member", "with", m.with, Bounds{}, "variations that it has, joined by '+'");
    visit("member", "without", m.without, Bounds{}, "variations that it has not, joined by '+'");
}

template <class RuleRef, class Visitor>
void for_each_attribute_field(RuleRef& a, Visitor&& visit) {
    visit("attribute", "name", a.name, Bounds{}, "the label");
    visit("attribute", "rule", a.rule, Bounds{}, "when it is true: conditions joined by `and` and `or`");
}

template <class RuleRef, class Visitor>
void for_each_value_field(RuleRef& v, Visitor&& visit) {
    visit("value", "name", v.name, Bounds{}, "the label");
    visit("value", "quantity", v.quantity, Bounds{}, "which number of the truth it is");
    visit("value", "where", v.where, Bounds{}, "where it is defined; empty = everywhere");
    visit("value", "otherwise", v.otherwise, Bounds{}, "its value elsewhere; nan = undefined");
}

}  // namespace braggbench
