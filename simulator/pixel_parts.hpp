// How a pixel is cut into parts small enough for a spot to be taken at points in them, along one axis.
#pragma once

#include <algorithm>
#include <cmath>

namespace braggbench {

// A pixel's part of width w is a uniform density. One Gaussian of its variance w^2 / 12 stands for it as long as the
// spot is wide; two, apart by 2 * two_point_offset * w, keep the fourth moment (w^4 / 80) too. The limits, in sigma of
// what is narrowest in the spot, hold the sum of absolute errors to some 1e-3 (measured).
inline constexpr double one_point_variance = 1.0 / 12.0;
inline constexpr double one_point_limit = 0.85;
inline constexpr double two_point_offset = 0.25407;  // 240^(-1/4)
inline constexpr double two_point_variance = one_point_variance - two_point_offset * two_point_offset;
inline constexpr double two_point_limit = 2.2;

struct PixelParts {
    int cells = 1;      // a pixel is cut into
    int points = 1;     // in each cell
    double variance;    // of each point, px^2
    double offset = 0;  // of two points from the cell's middle, px
};

inline PixelParts parts_for(double pixel_sigma) {
    PixelParts parts;
    if (pixel_sigma <= one_point_limit) {
        parts.variance = one_point_variance;
        return parts;
    }
    parts.points = 2;
    parts.cells = std::clamp(static_cast<int>(std::ceil(pixel_sigma / two_point_limit)), 1, 1024);
    parts.variance = two_point_variance / (parts.cells * parts.cells);
    parts.offset = two_point_offset / parts.cells;
    return parts;
}

}  // namespace braggbench
