#include "explain/registration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Where one input pixel lies between two units of an axis.
struct Between {
    int lower = 0;
    int upper = 0;
    float weight_upper = 0.0F;
};

std::vector<Between> between_units(int units, double stride_px, double start_px, int pixels) {
    std::vector<Between> places(static_cast<std::size_t>(pixels));
    for (int pixel = 0; pixel < pixels; ++pixel) {
        const double unit = std::clamp((pixel - start_px) / stride_px, 0.0, static_cast<double>(units - 1));
        Between& place = places[static_cast<std::size_t>(pixel)];
        place.lower = static_cast<int>(std::floor(unit));
        place.upper = std::min(place.lower + 1, units - 1);
        place.weight_upper = static_cast<float>(unit - place.lower);
    }
    return places;
}

void check_grid(int width, int height, double stride_px, double start_px) {
    if (width < 1 || height < 1 || !(stride_px > 0.0) || !std::isfinite(stride_px) || !std::isfinite(start_px)) {
        throw UsageError(
            fmt::format("a grid of {} x {} units with stride {} px from {} px cannot be registered (it has no units or "
                        "no spacing). Give at least one unit and a positive stride.",
                        width, height, stride_px, start_px));
    }
}

// The units whose cells cover a pixel along one axis, with the share of the pixel in each; at most
// 1 + ceil(1 / stride) of them matter, and cells beyond the grid take nothing.
struct Cover {
    int unit = 0;
    double share = 0.0;
};

std::vector<std::vector<Cover>> cell_covers(int units, double stride_px, double start_px, int pixels) {
    std::vector<std::vector<Cover>> covers(static_cast<std::size_t>(pixels));
    for (int unit = 0; unit < units; ++unit) {
        const double low = start_px + (unit - 0.5) * stride_px;
        const double high = low + stride_px;
        const int first = std::max(0, static_cast<int>(std::floor(low + 0.5)));
        const int last = std::min(pixels - 1, static_cast<int>(std::ceil(high + 0.5)) - 1);
        for (int pixel = first; pixel <= last; ++pixel) {
            const double share = std::min(high, pixel + 0.5) - std::max(low, pixel - 0.5);
            if (share > 0.0) {
                covers[static_cast<std::size_t>(pixel)].push_back({unit, share});
            }
        }
    }
    return covers;
}

}  // namespace

Image<float> register_grid(const Image<float>& units, double stride_px, double start_px, int width_px, int height_px) {
    check_grid(units.width, units.height, stride_px, start_px);
    const std::vector<Between> columns = between_units(units.width, stride_px, start_px, width_px);
    const std::vector<Between> rows = between_units(units.height, stride_px, start_px, height_px);
    Image<float> map(width_px, height_px);
    std::vector<float> row(static_cast<std::size_t>(units.width));
    for (int slow = 0; slow < height_px; ++slow) {
        const Between& place = rows[static_cast<std::size_t>(slow)];
        for (int unit = 0; unit < units.width; ++unit) {
            const float lower = units(unit, place.lower);
            row[static_cast<std::size_t>(unit)] = lower + place.weight_upper * (units(unit, place.upper) - lower);
        }
        for (int fast = 0; fast < width_px; ++fast) {
            const Between& column = columns[static_cast<std::size_t>(fast)];
            const float lower = row[static_cast<std::size_t>(column.lower)];
            map(fast, slow) = lower + column.weight_upper * (row[static_cast<std::size_t>(column.upper)] - lower);
        }
    }
    return map;
}

Image<float> oracle_map(const PeakTargets& truth, const StageGrid& grid) {
    check_grid(grid.width, grid.height, grid.stride_px, grid.start_px);
    const auto columns = cell_covers(grid.width, grid.stride_px, grid.start_px, truth.width_px);
    const auto rows = cell_covers(grid.height, grid.stride_px, grid.start_px, truth.height_px);
    const double cell_px2 = grid.stride_px * grid.stride_px;
    Image<float> units(grid.width, grid.height);
    const auto width = static_cast<std::uint32_t>(truth.width_px);
    for (const std::uint32_t pixel : truth.pixels) {
        for (const Cover& row : rows[pixel / width]) {
            for (const Cover& column : columns[pixel % width]) {
                units(column.unit, row.unit) += static_cast<float>(row.share * column.share / cell_px2);
            }
        }
    }
    return register_grid(units, grid.stride_px, grid.start_px, truth.width_px, truth.height_px);
}

}  // namespace braggbench
