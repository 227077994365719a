// An image without its peaks: what takes the place of pixels that are removed. Positions in the image's pixels.
#pragma once

#include <cstdint>

#include "explain/localisation.hpp"
#include "simulator/image.hpp"

namespace braggbench {

struct Substrate {
    Image<float> median;  // of all valid pixels at the same distance from the beam; knows nothing of the true peaks
    Image<float> noisy;   // with that ring's own noise about it
};

// Rings are one pixel wide. The noisy image gives each pixel the value of a pixel drawn from those of its ring that are
// not within `peaks` (if there are any), so that it has the background's own distribution whatever the view made of it:
// a flat disc, or Poisson noise in a view that keeps the maximum of four pixels, is itself a thing to see. Invalid
// pixels keep their value. Keyed by (seed, image).
Substrate make_substrate(const Image<float>& photons, const Mask& valid, const PeakTargets& peaks, double beam_fast_px,
                         double beam_slow_px, std::uint64_t seed, std::uint64_t image_index);

// The image with the substrate on the targets' discs.
Image<float> without(Image<float> photons, const PeakTargets& targets, const Image<float>& substrate);

}  // namespace braggbench
