// The points at which a spot's intensity is computed: rows of cells of a panel within an ellipse, and the same points
// shifted. Offsets in pixels from the spot's origin, cells (parts of pixels) counted from a base cell near it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace braggbench {

// Points of a row are written so many at a time, those beyond its end to be overwritten.
inline constexpr std::size_t lanes = 8;
inline constexpr auto lane_count = static_cast<std::int32_t>(lanes);
inline constexpr std::size_t row_batch = 8;

// The ellipse and what lies within the panel; quantities per row run along the outer axis.
struct RowShape {
    float first_out_px, per_outer, middle_out_px;
    float room, stiffness, half2_per_room;
    float middle_in_px, tilt, half_curvature, margin_px;
    float cells, base_fraction;
    std::int32_t lowest_cell, highest_cell;
};

// out_px and the first and last cell of `row_batch` rows from row number `from` on.
void rows_of(const RowShape& shape, int from, float* out_px, std::int32_t* first, std::int32_t* last);

// out = px + shift_px; count: a multiple of `lanes`.
void shift_points(const float* px, float shift_px, std::size_t count, float* out);

// out = the sum over 2 or 4 shifts of runs of `count` numbers, a multiple of `lanes`.
void sum_shifts(const float* shifted, std::size_t shift_count, std::size_t count, float* out);

// The pixel that a cell is a part of. From the cell's middle, rounding cannot reach the neighbour.
inline std::int32_t pixel_of(std::int32_t cell, double pixels_per_cell) {
    return static_cast<std::int32_t>((cell + 0.5) * pixels_per_cell);
}

}  // namespace braggbench
