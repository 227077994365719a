// Truth about Bragg peaks: every reflection with expected photons in an image, and the rule for *visible*.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/unit_cell.hpp"

namespace braggbench {

enum class PeakKind : std::uint8_t { protein = 0, ice = 1, powder = 2 };

struct Peak {
    MillerIndex hkl;
    std::uint8_t lattice = 0;
    PeakKind kind = PeakKind::protein;
    bool visible = false;
    float fast_px = 0;  // photon-weighted centroid, from the outer corner of pixel (0, 0): a pixel's centre is at .5
    float slow_px = 0;
    float photons = 0;       // expected, summed over the footprint
    float var_fast_px2 = 0;  // footprint covariance, the pixel's own 1/12 included
    float var_slow_px2 = 0;
    float cov_px2 = 0;
    float background_photons = 0;  // expected background photons per pixel under the peak
    float snr = 0;                 // signal_to_noise() below
    float d_A = 0;                 // resolution
};

// Peaks with fewer expected photons are not listed.
inline constexpr float listed_peak_min_photons = 1.0F;
// A peak is visible if snr >= 5 and its centre lies on a valid pixel.
inline constexpr float visible_peak_min_snr = 5.0F;

// S / sqrt(S + A (B + r^2)), where S is the peak's expected photons, A = 4 pi sqrt(det C) the effective area in pixels
// of a Gaussian footprint of covariance C (the noise-equivalent area of an optimal filter; King 1983, PASP 95, 163),
// B the background photons per pixel and r the read-out noise in photons per pixel.
float signal_to_noise(const Peak& peak, double read_noise_rms_photons);

}  // namespace braggbench
