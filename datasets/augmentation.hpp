// Changed copies of an image for training, with mask and true peaks carried along: exposure and noise, geometry, gain
// and dead regions. Lengths in pixels, positions from the outer corner of pixel (0, 0); docs/views.md.
#pragma once

#include <Eigen/Geometry>
#include <cstdint>
#include <optional>
#include <vector>

#include "datasets/view.hpp"

namespace braggbench {

struct Range {
    double low = 0.0;
    double high = 0.0;
};

enum class Interpolation { bilinear, nearest };

// What is drawn for each image, uniformly unless said otherwise, and applied in this order. The default changes
// nothing.
struct Augmentation {
    // Thinning: every photon is kept with this probability, log-uniform. Of a photon-counting image this makes exactly
    // the image of a shorter exposure; of others, whose values are rounded to whole photons first, nearly so.
    Range exposure = {1.0, 1.0};
    Range noise_rms_photons;  // added, Gaussian
    Range gain = {1.0, 1.0};  // factor on all values, log-uniform

    // About the centre (the beam's, if it is known): flips, then shear, zoom, rotation, shift.
    double flip_fast_probability = 0.0;  // mirrored along fast
    double flip_slow_probability = 0.0;
    Range shear;              // fast px per slow px
    Range zoom = {1.0, 1.0};  // log-uniform
    Range rotation_deg;       // from fast towards slow
    Range shift_fast_px;
    Range shift_slow_px;
    Interpolation interpolation = Interpolation::bilinear;

    int dead_regions = 0;                // at most; rectangles
    Range dead_region_px = {4.0, 32.0};  // their edges
    double beam_stop_probability = 0.0;  // a disc at the centre with an arm to one side
    Range beam_stop_radius_px = {4.0, 16.0};

    double read_noise_rms_photons = 0.0;  // what the image has already; enters the peaks' signal-to-noise
};

// Throws UsageError that lists every fault at once.
void validate(const Augmentation& augmentation);

struct Augmented {
    Image<float> photons;       // the median of the valid ones where not valid
    Image<std::uint8_t> valid;  // 0 beyond the original's edges, in dead regions and where the original was masked
    std::vector<Peak> peaks;    // those within the frame; photons and signal-to-noise as exposure and noise leave them
    Eigen::Affine2d augmented_from_original = Eigen::Affine2d::Identity();  // positions (fast, slow)
    double exposure = 1.0;
    double noise_rms_photons = 0.0;
    double gain = 1.0;
};

// Depends on the image, the ranges and the key alone. `peaks` and `centre` are in the view's pixels; without a centre
// the view's middle is taken. Pixels of a downsampled view are not Poisson: thin the native image, then make the view.
Augmented augment(const View& view, const std::vector<Peak>& peaks, const Augmentation& augmentation,
                  const DrawKey& key, const std::optional<Eigen::Vector2d>& centre = std::nullopt);

// The same for a native image, about its beam centre; `peaks` are in native pixels.
Augmented augment(const DetectorImage& image, const std::vector<Peak>& peaks, double gain_adu_per_photon,
                  double offset_adu, const Augmentation& augmentation, const DrawKey& key);

// The augmented image as one of which views can be made: in photons, gain 1, offset 0; masked pixels are 0.
DetectorImage as_detector_image(const Augmented& augmented);

// How many of `count` things happen if each does with this probability. Small means: inversion; large: BTRS, Hormann
// 1993, Journal of Statistical Computation and Simulation 46, 101.
std::uint64_t draw_binomial(std::uint64_t count, double probability, RandomStream& random);

}  // namespace braggbench
