// What a glance at an image tells: numbers that baselines may use and that need no idea of what a spot or a ring means.
// Photons = (value - offset) / gain, over the native image without the gaps between panels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/corpus.hpp"

namespace braggbench {

// Equally wide, from where the beam meets the detector (the corpus' mean) to the farthest corner of the image.
inline constexpr int summary_rings = 64;

struct ImageSummary {
    double total_photons = 0.0;
    double spot_count = 0.0;              // find_spots() with its defaults
    std::vector<float> radial_photons{};  // mean per pixel of each ring, 0 where a ring has no pixel
};

// One per index. Results do not depend on `threads` (0 = one per core).
std::vector<ImageSummary> summarise_images(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                           unsigned threads = 0);

}  // namespace braggbench
