// DIALS' two spot finders: strong pixels by the local index of dispersion (variance / mean, 1 for Poisson noise),
// joined to spots. Thresholds as published (Winter et al. 2018, Acta Cryst. D74, 85; the extended one is DIALS'
// default), an implementation from the formulas, checked against dials.find_spots pixel by pixel. Positions in pixels
// from the outer corner of pixel (0, 0).
#pragma once

#include <cstdint>
#include <vector>

#include "classifiers/found_peak.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// The defaults are DIALS'. g is the variance of a flat image divided by its mean: 1 for photons.
struct DispersionOptions {
    int kernel_half_width_px = 3;  // a square of 2 n + 1 px
    double sigma_background = 6.0;
    double sigma_strong = 3.0;
    double global_threshold = 0.0;  // a strong pixel is higher than this
    double gain = 1.0;              // g
    int min_valid_pixels = 2;       // in the kernel
    int min_pixels = 3;             // of a spot; DIALS takes 6 on a CCD, whose pixels are correlated
    int max_pixels = 1000;
    double max_peak_centroid_px = 2.0;  // from the centre of a spot's highest pixel to its centroid
};

// 1 = strong. A pixel is strong if over the m valid pixels of the kernel around it, with their mean and unbiased
// variance, m >= min_valid_pixels, variance / mean > g (1 + sigma_background sqrt(2 / (m - 1))) and the pixel itself is
// above global_threshold and above mean + sigma_strong sqrt(g mean). Values from 2^24 on are left out of the sums (but
// may be strong), as DIALS does. Pixels with valid == 0 or not finite take no part; `valid` may be empty. Throws
// UsageError for sizes that differ or options out of range, all at once.
Image<std::uint8_t> dispersion_mask(const Image<float>& values, const Image<std::uint8_t>& valid,
                                    const DispersionOptions& options = {});

// The first test alone marks foreground, which is then eroded: what lies within kernel_half_width_px - 1 px (along
// rows, columns or diagonals) of background or of an invalid pixel becomes background. Of the eroded foreground, pixels
// above global_threshold and not below mean + sigma_strong sqrt(g mean) are strong; this mean is over the background in
// a square 2 px wider on each side (0 if that has less than 2 pixels).
Image<std::uint8_t> dispersion_extended_mask(const Image<float>& values, const Image<std::uint8_t>& valid,
                                             const DispersionOptions& options = {});

// Spots: 4-connected strong pixels, min_pixels to max_pixels of them, the centroid weighted by value. Background: mean
// over valid pixels that are not strong, within 5 px of the spot's bounding box (0 if there are none). snr = I /
// sqrt(g I + n s^2 (1 + n / n_b)), with n pixels of the spot, n_b of background, and s^2 the background's variance, at
// least g times its mean (Leslie 1999, Acta Cryst. D55, 1696).
std::vector<FoundPeak> dispersion(const Image<float>& values, const Image<std::uint8_t>& valid,
                                  const DispersionOptions& options = {});
std::vector<FoundPeak> dispersion_extended(const Image<float>& values, const Image<std::uint8_t>& valid,
                                           const DispersionOptions& options = {});

}  // namespace braggbench
