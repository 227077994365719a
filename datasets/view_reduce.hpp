// Downsampling of an image, masked or not, by every method of view_spec.hpp. Positions in pixels from the outer corner:
// native = region corner + factor * reduced.
#pragma once

#include <cstdint>

#include "datasets/view_spec.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// Part of an image, in its pixels.
struct Region {
    int fast_px = 0;
    int slow_px = 0;
    int width_px = 0;
    int height_px = 0;
};

struct Reduced {
    Image<float> values;  // meaningless where not valid
    Image<std::uint8_t> valid;
    bool all_valid = true;
};

// The factor that makes a region fit into size_px x size_px: the smallest whole one, or for area and bilinear the exact
// ratio of the longer side; never below 1.
double factor_to_fit(const Region& region, Downsampling method, int size_px);

// A reduced pixel is valid if a usable pixel with a finite value enters it; the others are left out of it. A null
// `usable` means all are usable. A last block that the region's edge cuts takes what there is of it.
Reduced reduce(const Image<float>& values, const Image<std::uint8_t>* usable, const Region& region, Downsampling method,
               double factor);
// All are usable.
Reduced reduce(const Image<std::uint16_t>& values, const Region& region, Downsampling method, double factor);

}  // namespace braggbench
