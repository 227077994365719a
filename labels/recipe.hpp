// What a corpus is made of, as plain data: fixed geometry, distributions of everything that varies, and the classes.
// datasets/recipe_toml.hpp reads and writes it; labels/draw.hpp draws from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "labels/schema.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/random.hpp"
#include "simulator/response.hpp"
#include "simulator/small_angle.hpp"

namespace braggbench {

enum class Law { fixed, uniform, log_uniform };

// In TOML: a number, { uniform = [low, high] } or { log_uniform = [low, high] }.
struct Distribution {
    Law law = Law::fixed;
    double low = 0.0;
    double high = 0.0;  // == low for a fixed value

    [[nodiscard]] double draw(RandomStream& random) const;
    static Distribution fixed(double value) { return {Law::fixed, value, value}; }
    bool operator==(const Distribution&) const = default;
};

// What may differ from image to image and from class to class. A drawn scene is the same struct with every distribution
// fixed at its draw (labels/draw.hpp).
struct SceneRule {
    Distribution beam_fast_px;  // from the outer corner of pixel (0, 0)
    Distribution beam_slow_px;
    Distribution shift_x_mm;  // of the detector in the lab; a preset has no other way to move
    Distribution shift_y_mm;

    Distribution fluence_photons_per_m2 = Distribution::fixed(1e22);   // 0 = no X-rays
    std::string spectrum = "gaussian";                                 // "gaussian", "top-hat", "sase", "two-colour"
    Distribution bandwidth_rms_fraction = Distribution::fixed(0.001);  // a top hat is sqrt(12) times as wide
    Distribution sase_spikes = Distribution::fixed(40);                // to the nearest whole number
    Distribution colour_separation_fraction = Distribution::fixed(0.02);
    Distribution divergence_rms_mrad = Distribution::fixed(0.1);

    bool crystal = true;                  // is there one in the beam
    std::string model = "photosystem-1";  // as load_structure_factors() takes it
    double d_min_A = 3.0;
    Distribution cells_per_block = Distribution::fixed(20);  // along every axis
    Distribution mosaic_spread_rms_deg = Distribution::fixed(0.1);
    std::string mosaic_law = "gaussian";                       // "gaussian" or "nanobragg-cap"
    Distribution crystal_volume_um3 = Distribution::fixed(5);  // of all lattices together
    Distribution b_factor_A2;
    Distribution halo_fraction;
    Distribution halo_rms_invA = Distribution::fixed(0.002);
    Distribution lattices = Distribution::fixed(1);  // to the nearest whole number
    std::string misorientation = "random";           // "rms", "fixed" or "random"
    Distribution misorientation_deg;
    Distribution volume_spread;  // rms of ln(volume) between lattices
    Distribution pieces = Distribution::fixed(1);
    Distribution crack_rms_deg;
    std::string twin_law;
    Distribution twin_fraction;
    Distribution further_volume;                 // of each further lattice, the first being 1; 0 = by volume_spread
    Distribution further_mosaic_spread_rms_deg;  // of the further lattices; 0 = as the first

    Distribution water_um;
    Distribution air_um;
    std::string medium = "none";  // another of amorphous_materials()
    Distribution medium_um;
    Distribution film_um;  // of Kapton beside the beam, which shades one side; 0 = none
    Distribution film_azimuth_deg = Distribution::fixed(-90);  // of its normal
    Distribution streak_photons_per_px;
    Distribution streak_azimuth_deg;  // of the jet, across which it runs

    Distribution ice_um;
    Distribution ice_cubicity;
    Distribution ice_crystallite_nm = Distribution::fixed(100);
    Distribution ice_grains;                          // 0 = smooth rings
    Distribution ice_march = Distribution::fixed(1);  // 1 = no texture
    Distribution ice_single_grains;                   // to the nearest whole number
    Distribution ice_single_grain_um = Distribution::fixed(0.5);
    double ice_damage_photons_per_px = 0.0;

    std::string beam_stop = "none";                           // "none", "circle", "circle+arm", "wedge"
    Distribution beam_stop_size_mm = Distribution::fixed(4);  // diameter, or the length of a wedge
    Distribution beam_stop_arm_width_mm = Distribution::fixed(1);
    Distribution beam_stop_opening_deg = Distribution::fixed(20);  // of a wedge
    Distribution beam_stop_direction_deg;                          // of arm or wedge, from lab x towards y
    Distribution beam_stop_penumbra_mm = Distribution::fixed(0.2);

    std::string particle = "none";  // "none", "sphere", "icosahedron", "globule", or a path to PDB or mmCIF
    Distribution particle_count = Distribution::fixed(1);  // to the nearest whole number
    Distribution particle_diameter_nm = Distribution::fixed(70);
    double particle_contrast_e_per_A3 = 0.43;
    Distribution particle_focus_depth_um = Distribution::fixed(5);
    Distribution particle_weakest_share = Distribution::fixed(1);

    std::string small_angle = "none";                                   // names of small_angle_kinds() joined by '+'
    Distribution small_angle_photons_per_px = Distribution::fixed(10);  // of each kind's brightest feature
};

// The form behind a name of SceneRule::particle; none for a path.
std::optional<ParticleShape::Form> particle_form(const std::string& name);
// The diameter that a shape's transform is made at: the middle of those drawn.
double base_diameter_nm(const SceneRule& scene);

// The kinds that SceneRule::small_angle names. Throws UsageError for an unknown one, with the nearest.
std::vector<SmallAngleScene> small_angle_scenes(const std::string& names);
std::vector<std::string> small_angle_kinds();

// One class and the scenes that are its images: the label is this rule, never guessed from pixels.
struct ClassRule {
    std::string name;
    double weight = 1.0;  // share of the corpus, relative to the other classes
    SceneRule scene;      // the recipe's own, but for what the class states
};

// Some fields of a scene, to be laid over another one. A path, model or kind that is loaded once per class
// (crystal.model, crystal.d_min_A, particles.shape, particles.contrast_e_per_A3, particles.diameter_nm) cannot be among
// them.
struct SceneOverlay {
    SceneRule scene;
    std::vector<std::string> stated;  // "section.key" of the fields that count
};

// Something that a share of the images has beside its class, such as ice: [[variation]]. Variations are drawn in order;
// a later one may depend on earlier ones, which makes them correlated.
struct VariationRule {
    std::string name;
    double prevalence = 0.5;
    std::string
        among;  // a LabelRule on class.NAME and earlier variation.NAME: where it can be at all; empty = everywhere
    std::string given;  // the same: where prevalence_given holds instead; empty = nowhere
    double prevalence_given = 0.5;
    SceneOverlay overlay;
};

// One image of a matched group, which differs from the others by this alone: [[member]]. Everything drawn, and the
// noise, is the same throughout a group.
struct MemberRule {
    std::string name;
    std::string with;     // variations that it has whatever was drawn, joined by '+'
    std::string without;  // and has not
    SceneOverlay overlay;
};

// A grid scan across one crystal, a sphere, per group of columns * rows images: [raster]. The first class is off the
// crystal, the second on it.
struct Raster {
    int columns = 0;  // 0 = no raster
    int rows = 0;
    double step_um = 10.0;
    Distribution crystal_diameter_um = Distribution::fixed(50);
};

struct Recipe {
    std::string name;
    std::string description;
    std::int64_t image_count = 1000;
    std::uint64_t seed = 1;
    double validation_fraction = 0.15;
    double test_fraction = 0.25;

    std::string detector_preset = "none";  // or a name of detector_presets(), which sets what follows but the distance
    bool assembled = false;                // a preset's panels as they lie in space, not as its raw data stack them
    int width_px = 512;
    int height_px = 512;
    double pixel_size_mm = 0.172;
    double distance_mm = 120.0;
    double sensor_thickness_um = 0.0;
    double sensor_attenuation_length_um = 0.0;

    double wavelength_A = 1.3;
    double beam_diameter_um = 3.0;
    double polarization = 1.0;

    DetectorResponse response;

    std::string integrator = "spots";  // "spots" or "pixels"
    int integrator_samples = 4096;     // of pixels (simulator/integration.hpp)
    int integrator_oversample = 4;

    SceneRule scene;  // what the classes start from
    std::vector<ClassRule> classes;
    std::vector<VariationRule> variations;
    std::vector<MemberRule> members;
    Raster raster;
    LabelSchema labels;
};

// Images of a group: members, or positions of a raster; 1 without either. Group g is images g * n to g * n + n - 1.
std::int64_t images_per_group(const Recipe& recipe);

// Lays the stated fields of `overlay` over `scene`. Kinds of small-angle scattering join those that are there, so that
// several variations give each its own; "none" takes all away.
void apply_overlay(const SceneOverlay& overlay, SceneRule& scene);

// Throws UsageError listing every fault at once.
void validate(const Recipe& recipe);

// Takes size, pixels, sensor and response from the recipe's preset, at its distance and wavelength. Throws UsageError
// for an unknown preset.
void apply_detector_preset(Recipe& recipe);

}  // namespace braggbench
