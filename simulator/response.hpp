// From expected photons to what the detector reports, in the order of simtbx's noise chain (cctbx_project,
// simtbx/nanoBragg add_noise): source flicker, Poisson noise, flat-field error, point spread, dead time of counting
// detectors, gain, read-out noise, offset, saturation, defects and gaps. Photons per pixel in, ADU in 16 bits out.
#pragma once

#include <cstdint>

#include "simulator/detector.hpp"
#include "simulator/image.hpp"
#include "simulator/pixel_mask.hpp"
#include "simulator/point_spread.hpp"

namespace braggbench {

class Faults;

// What a counting pixel misses while it is busy with an earlier photon (Knoll, Radiation Detection and Measurement,
// chapter 4). With n photons in exposure_s, busy = n dead_time_ns / exposure_s, it counts n / (1 + busy), or
// n exp(-busy) where photons within the dead time prolong it.
struct DeadTime {
    enum class Model { none, non_paralyzable, paralyzable };
    Model model = Model::none;
    double dead_time_ns = 0.0;
    double exposure_s = 1.0;
};

struct DetectorResponse {
    double gain_adu_per_photon = 1.0;
    double read_noise_rms_adu = 0.0;
    double offset_adu = 0.0;
    double saturation_adu = 65535.0;  // the highest value a pixel can report
    // Relative rms of the factors on the expected photons: one for the whole image, and one for every pixel.
    double image_flicker_rms = 0.0;
    double pixel_flicker_rms = 0.0;
    // Relative rms of what calibration leaves of each pixel's sensitivity. Fixed: drawn from detector_seed.
    double flat_field_rms = 0.0;
    PointSpread point_spread = {};
    DeadTime dead_time = {};
    PixelDefects defects = {};
    double gap_value_adu = 0.0;  // of pixels of the image that belong to no panel
    std::uint64_t detector_seed = 0;
};

void check(const DetectorResponse& response, Faults& faults);

// Keyed per pixel by (seed, image_index, stage, pixel), hence independent of threads and of other images; without a
// point spread also of other pixels. Without the optional steps
// value = clamp(round(gain * Poisson(photons) + read_noise * N(0,1) + offset), 0, saturation), in ADU.
// Throws UsageError for images above 2^26 pixels and for photons that are negative, NaN or above 1e15.
Image<std::uint16_t> detect(const Image<float>& expected_photons, const DetectorResponse& response, std::uint64_t seed,
                            std::uint64_t image_index);

struct DetectedImage {
    Image<std::uint16_t> counts;
    Image<std::uint8_t> mask;  // 0 = good; bits of pixel_mask.hpp
};

// The same counts, with gaps set to gap_value_adu, and the mask. Throws UsageError where image and detector differ in
// size.
DetectedImage detect(const Image<float>& expected_photons, const DetectorResponse& response, const Detector& detector,
                     std::uint64_t seed, std::uint64_t image_index);

// The truth about the detector's pixels: defects and gaps. The same for every image.
Image<std::uint8_t> pixel_mask(const DetectorResponse& response, const Detector& detector);

// Mean counts of a pixel on which `photons` fall on average during the exposure.
double expected_counts(const DeadTime& dead_time, double photons);

}  // namespace braggbench
