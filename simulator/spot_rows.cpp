#include "simulator/spot_rows.hpp"

#include <cmath>

namespace braggbench {
namespace {

// By value, for the references of std::min keep loops scalar.
std::int32_t smaller(std::int32_t a, std::int32_t b) { return a < b ? a : b; }
std::int32_t larger(std::int32_t a, std::int32_t b) { return a > b ? a : b; }

// Far beyond any panel it need not be exact, but must fit.
std::int32_t to_integer(float value) {
    constexpr float most = 1e9F;
    const float above = value > -most ? value : -most;
    return static_cast<std::int32_t>(above < most ? above : most);
}

}  // namespace

void rows_of(const RowShape& w, int from, float* __restrict out_px, std::int32_t* __restrict first,
             std::int32_t* __restrict last) {
    const RowShape shape = w;
    for (int i = 0; i < static_cast<int>(row_batch); ++i) {
        const float out = shape.first_out_px + static_cast<float>(from + i) * shape.per_outer;
        const float away = out - shape.middle_out_px;
        const float rest = shape.room - away * away * shape.stiffness;
        const float half = std::sqrt((rest > 0.0F ? rest : 0.0F) * shape.half2_per_room) + shape.margin_px;
        const float at = shape.middle_in_px + away * (shape.tilt + shape.half_curvature * away);
        const float low = std::ceil((at - half) * shape.cells + shape.base_fraction - 0.5F);
        const float high = std::floor((at + half) * shape.cells + shape.base_fraction - 0.5F);
        out_px[i] = out;
        first[i] = larger(to_integer(low), shape.lowest_cell);
        last[i] = smaller(to_integer(high), shape.highest_cell);
    }
}

// Inner loops of a constant number of steps need no code for remainders.
void shift_points(const float* __restrict px, float shift_px, std::size_t count, float* __restrict out) {
    for (std::size_t i = 0; i < count; i += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) out[i + lane] = px[i + lane] + shift_px;
    }
}

void sum_shifts(const float* __restrict shifted, std::size_t shift_count, std::size_t count, float* __restrict out) {
    for (std::size_t i = 0; i < count; i += lanes) {
        for (std::size_t lane = 0; lane < lanes; ++lane) out[i + lane] = shifted[i + lane] + shifted[count + i + lane];
        if (shift_count == 2) continue;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            out[i + lane] += shifted[2 * count + i + lane] + shifted[3 * count + i + lane];
        }
    }
}

}  // namespace braggbench
