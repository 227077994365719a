// Maps that need no network, the rivals of every attribution map. All at the view's size, pixels from the outer corner;
// definitions: docs/localisation.md.
#pragma once

#include <cstdint>
#include <span>

#include "explain/localisation.hpp"
#include "simulator/image.hpp"

namespace braggbench {

Image<float> uniform_map(int width_px, int height_px);

// Independent uniform values per pixel, keyed by (seed, image).
Image<float> random_pixel_map(int width_px, int height_px, std::uint64_t seed, std::uint64_t image_index);

// Independent uniform values on a units x units grid over the image, registered bilinearly: as smooth as a coarse
// attribution map, and knowing nothing.
Image<float> random_coarse_map(int width_px, int height_px, int units, std::uint64_t seed, std::uint64_t image_index);

// The share of pixels on the targets of other images, by distance from the beam (bins of one pixel, smoothed by a
// Gaussian of sigma 4 px): where peaks usually are, without having seen this image.
Image<float> radial_prior_map(std::span<const PeakTargets> others, const Mask& valid, double beam_fast_px,
                              double beam_slow_px);

// Photons above the median of the valid pixels at the same distance from the beam (bins of one pixel).
Image<float> intensity_map(const Image<float>& photons, const Mask& valid, double beam_fast_px, double beam_slow_px);

// intensity_map smoothed by a Gaussian of sigma 1 px, less the same smoothed by 3 px: a matched filter for small spots.
Image<float> difference_of_gaussians_map(const Image<float>& photons, const Mask& valid, double beam_fast_px,
                                         double beam_slow_px);

}  // namespace braggbench
