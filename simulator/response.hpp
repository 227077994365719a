// From expected photons to what the detector reports: Poisson noise, gain, read-out noise, offset, saturation.
#pragma once

#include <cstdint>

#include "simulator/image.hpp"

namespace braggbench {

class Faults;

struct DetectorResponse {
    double gain_adu_per_photon = 1.0;
    double read_noise_rms_adu = 0.0;
    double offset_adu = 0.0;
    double saturation_adu = 65535.0;  // the highest value a pixel can report
};

void check(const DetectorResponse& response, Faults& faults);

// Keyed per pixel by (seed, image_index, stage, pixel), hence independent of threads and of other images.
// value = clamp(round(gain * Poisson(photons) + read_noise * N(0,1) + offset), 0, saturation), in ADU.
Image<std::uint16_t> detect(const Image<float>& expected_photons, const DetectorResponse& response, std::uint64_t seed,
                            std::uint64_t image_index);

}  // namespace braggbench
