// What a corpus is made of, as plain data: fixed geometry, distributions of everything that varies, and the classes.
// datasets/recipe_toml.hpp reads and writes it; labels/draw.hpp draws from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulator/random.hpp"

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

    Distribution fluence_photons_per_m2 = Distribution::fixed(1e22);  // 0 = no X-rays
    Distribution bandwidth_rms_fraction = Distribution::fixed(0.001);
    Distribution divergence_rms_mrad = Distribution::fixed(0.1);

    bool crystal = true;                  // is there one in the beam
    std::string model = "photosystem-1";  // as load_structure_factors() takes it
    double d_min_A = 3.0;
    Distribution cells_per_block = Distribution::fixed(20);  // along every axis
    Distribution mosaic_spread_rms_deg = Distribution::fixed(0.1);
    Distribution crystal_volume_um3 = Distribution::fixed(5);

    Distribution water_um;
    Distribution air_um;
};

// One class and the scenes that are its images: the label is this rule, never guessed from pixels.
struct ClassRule {
    std::string name;
    double weight = 1.0;  // share of the corpus, relative to the other classes
    SceneRule scene;      // the recipe's own, but for what the class states
};

struct Recipe {
    std::string name;
    std::string description;
    std::int64_t image_count = 1000;
    std::uint64_t seed = 1;
    double validation_fraction = 0.15;
    double test_fraction = 0.25;

    int width_px = 512;
    int height_px = 512;
    double pixel_size_mm = 0.172;
    double distance_mm = 120.0;
    double sensor_thickness_um = 0.0;
    double sensor_attenuation_length_um = 0.0;

    double wavelength_A = 1.3;
    double beam_diameter_um = 3.0;
    double polarization = 1.0;

    double gain_adu_per_photon = 1.0;
    double read_noise_rms_adu = 0.0;
    double offset_adu = 0.0;
    double saturation_adu = 65535.0;

    SceneRule scene;  // what the classes start from
    std::vector<ClassRule> classes;
};

// Throws UsageError listing every fault at once.
void validate(const Recipe& recipe);

}  // namespace braggbench
