// The pixels around the true peaks that a saliency map is scored against. Positions in pixels from the outer corner of
// pixel (0, 0). Definitions and reasons: docs/localisation.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

using Mask = Image<std::uint8_t>;

// 1 within radius_px of the centre of a visible peak (a disc on pixel centres; the pixel that holds the centre is
// always part of it, so that radius 0 is that pixel).
Mask peak_mask(std::span<const Peak> peaks, int width_px, int height_px, double radius_px);

// The visible peaks of one image as scoring needs them: pixel indices (slow * width + fast) instead of dense masks.
struct PeakTargets {
    int width_px = 0;
    int height_px = 0;
    std::vector<std::uint32_t> pixels;              // union of the discs, ascending
    std::vector<std::vector<std::uint32_t>> discs;  // one per visible peak that lies on the image
};

PeakTargets make_targets(std::span<const Peak> peaks, int width_px, int height_px, double radius_px);
Mask to_mask(const PeakTargets& targets);

// Sets `pixels` to the union of the discs.
void unite_discs(PeakTargets& targets);

// One image's truth and the same of other images, which give the level of chance.
struct TargetSet {
    PeakTargets truth;
    std::vector<PeakTargets> nulls;
};

}  // namespace braggbench
