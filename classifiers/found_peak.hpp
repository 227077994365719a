// A peak that a peak finder found in one image, and what the finders share: strong pixels to connected regions, and the
// background around a region. Positions in pixels from the outer corner of pixel (0, 0) (docs/frames.md); intensities
// in the image's own units.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

struct FoundPeak {
    double fast_px = 0.0;  // centroid
    double slow_px = 0.0;
    double intensity = 0.0;   // summed over its pixels, above background
    double background = 0.0;  // per pixel
    double max_value = 0.0;   // of its highest pixel, background included
    double snr = 0.0;         // as its finder defines it
    int npix = 0;             // strong pixels
};

enum class Connectivity { four, eight };

// Regions of strong pixels in reading order of their first pixels: region r holds the pixel indices
// pixels[first[r]] ... pixels[first[r + 1] - 1].
struct PixelRegions {
    std::vector<std::uint32_t> pixels;
    std::vector<std::size_t> first = {0};

    [[nodiscard]] std::size_t size() const { return first.size() - 1; }
    [[nodiscard]] std::span<const std::uint32_t> operator[](std::size_t r) const {
        return std::span(pixels).subspan(first[r], first[r + 1] - first[r]);
    }
};

// Connected regions of the pixels listed in `strong`, indices in reading order into an image of this width. Each region
// is in reading order too.
PixelRegions connect(std::span<const std::uint32_t> strong, int width_px, Connectivity connectivity);

struct LocalBackground {
    double mean = 0.0;
    double sigma = 0.0;  // population standard deviation
    double max_value = 0.0;
    int npix = 0;
};

// Throws UsageError unless `valid` is empty (all pixels count) or has the image's size.
void check_mask(const Image<float>& values, const Image<std::uint8_t>& valid);

}  // namespace braggbench
