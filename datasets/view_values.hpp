// What becomes of a view's photons: local contrast normalisation, roots and logarithms, percentiles, 8 bits.
#pragma once

#include <cstdint>

#include "datasets/view_spec.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// (x - mean) / sigma of the valid pixels in the box around each pixel (Ke et al. 2018, J. Synchrotron Rad. 25, 655); 0
// where the box is constant or the pixel is not valid.
Image<float> local_contrast(const Image<float>& values, const Image<std::uint8_t>& valid, int box_px);

// Carries out `rule`, in place.
void apply_values(Image<float>& values, const Image<std::uint8_t>& valid, const ValueRule& rule);

// The whole numbers that a rule with `bytes` leaves, as bytes.
Image<std::uint8_t> as_bytes(const Image<float>& values);

}  // namespace braggbench
