#include "explain/peak_targets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::vector<std::uint32_t> disc_pixels(double fast_px, double slow_px, int width_px, int height_px, double radius_px) {
    std::vector<std::uint32_t> pixels;
    const int centre_fast = static_cast<int>(std::floor(fast_px));
    const int centre_slow = static_cast<int>(std::floor(slow_px));
    const int reach = static_cast<int>(std::ceil(radius_px)) + 1;
    const double radius_px2 = radius_px * radius_px;
    for (int slow = std::max(0, centre_slow - reach); slow <= std::min(height_px - 1, centre_slow + reach); ++slow) {
        const double down = slow + 0.5 - slow_px;
        for (int fast = std::max(0, centre_fast - reach); fast <= std::min(width_px - 1, centre_fast + reach); ++fast) {
            const double along = fast + 0.5 - fast_px;
            const bool holds_centre = fast == centre_fast && slow == centre_slow;
            if (holds_centre || along * along + down * down <= radius_px2) {
                pixels.push_back(static_cast<std::uint32_t>(slow) * static_cast<std::uint32_t>(width_px) +
                                 static_cast<std::uint32_t>(fast));
            }
        }
    }
    return pixels;
}

}  // namespace

PeakTargets make_targets(std::span<const Peak> peaks, int width_px, int height_px, double radius_px) {
    if (!(radius_px >= 0.0) || !std::isfinite(radius_px)) {
        throw UsageError(
            fmt::format("peak radius = {} px (a disc has no negative radius). Give 0 or more.", radius_px));
    }
    PeakTargets targets;
    targets.width_px = width_px;
    targets.height_px = height_px;
    for (const Peak& peak : peaks) {
        const double fast_px = peak.fast_px;
        const double slow_px = peak.slow_px;
        if (peak.visible && fast_px >= 0.0 && fast_px < width_px && slow_px >= 0.0 && slow_px < height_px) {
            targets.discs.push_back(disc_pixels(fast_px, slow_px, width_px, height_px, radius_px));
        }
    }
    unite_discs(targets);
    return targets;
}

void unite_discs(PeakTargets& targets) {
    targets.pixels.clear();
    for (const std::vector<std::uint32_t>& disc : targets.discs) {
        targets.pixels.insert(targets.pixels.end(), disc.begin(), disc.end());
    }
    std::sort(targets.pixels.begin(), targets.pixels.end());
    targets.pixels.erase(std::unique(targets.pixels.begin(), targets.pixels.end()), targets.pixels.end());
}

Mask to_mask(const PeakTargets& targets) {
    Mask mask(targets.width_px, targets.height_px);
    for (const std::uint32_t pixel : targets.pixels) {
        mask.pixels[pixel] = 1;
    }
    return mask;
}

Mask peak_mask(std::span<const Peak> peaks, int width_px, int height_px, double radius_px) {
    return to_mask(make_targets(peaks, width_px, height_px, radius_px));
}

}  // namespace braggbench
