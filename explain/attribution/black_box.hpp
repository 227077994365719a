// Attribution by asking alone: maps from the scores of altered images, for models whose inside is not known. Positions
// in pixels.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

// The score of each image: a logit, a probability, a number of peaks.
using ScoreFunction = std::function<std::vector<double>(const std::vector<Image<float>>&)>;

struct OcclusionOptions {
    int patches = 32;  // along the longer edge
};

// What the score loses when a square patch of the image becomes the reference, spread over the patch's pixels: the sum
// over the map is the sum of all losses. Patches lie side by side. (Zeiler & Fergus 2014.)
Image<float> occlusion_map(const Image<float>& photons, const Image<float>& reference, const ScoreFunction& score,
                           const OcclusionOptions& options);

struct RiseOptions {
    int masks = 1000;
    int cells = 16;  // along the longer edge
    double keep = 0.5;
};

// Random masks m in [0, 1] as Petsiuk et al. 2018 make them: a coarse grid of zeros and ones, shifted at random and
// interpolated; a masked image is reference + m (photons - reference). The map is the least-squares slope of the score
// on each pixel's m. Unlike the published mean of scores times masks it is signed and does not grow with the score's
// mean, which would drown it in the masks' own noise. Keyed by `seed`.
Image<float> rise_map(const Image<float>& photons, const Image<float>& reference, const ScoreFunction& score,
                      const RiseOptions& options, std::uint64_t seed);

}  // namespace braggbench
