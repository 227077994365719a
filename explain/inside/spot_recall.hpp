// Whether the spots of an image are there again in a picture made from a network's memory of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "explain/peak_targets.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// Up to `count` pixels that none of their eight neighbours exceeds, but for flat areas, and that stand out most from
// the 7 x 7 px around them, the strongest first. Places where `valid` is 0 are left out.
std::vector<std::uint32_t> strongest_spots(const Image<float>& picture, const Image<std::uint8_t>& valid,
                                           std::size_t count);

struct SpotRecall {
    double recall = 0.0;               // share of the discs that hold a spot
    std::vector<double> null_recalls;  // the same of each null that has discs
};

// As many spots are taken as there are discs. None if the image has no disc, or no null has any: undefined.
std::optional<SpotRecall> spot_recall(const Image<float>& picture, const Image<std::uint8_t>& valid,
                                      const TargetSet& targets);

}  // namespace braggbench
