// nanoBragg's mosaic distribution as one reflection sees it: the spread of its lattice point over the sphere |r|,
// smeared by a Gaussian. Angles in units of the total rms per axis. Reference: nanoBragg.c (J. Holton): a rotation by
// m (1 - u^2)^(1/3), u uniform, about a random axis, hence a rotation vector of density 3 / (8 pi m^3 sqrt(1 -
// (w/m)^3)).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace braggbench {

// Density of the rotation vector's two components across a direction, at `fraction` (0 to 1) of the edge m; times m^2.
double mosaic_cap_density(double fraction);

// 2 pi times the density in the plane of a cap convolved with a Gaussian, total variance 1 per axis: exp(-x^2 / 2)
// where the Gaussian is everything.
class MosaicCapTable {
public:
    // Built at the first call, in some 20 ms.
    static const MosaicCapTable& instance();

    // At squared distance x2, the Gaussian's share of the variance being gaussian_share.
    [[nodiscard]] float operator()(float x2, float gaussian_share) const {
        return at(data(), x2, row_of(gaussian_share));
    }
    // Rows are uniform in share^(1/4), which follows the sharpening edge.
    static float row_of(float gaussian_share) {
        const float root = std::sqrt(std::sqrt(std::clamp(gaussian_share, 0.0F, 1.0F)));
        return std::max(root - lowest_root, 0.0F) * (static_cast<float>(rows - 1) / (1.0F - lowest_root));
    }
    // The same from data() and row_of(), for loops that are to become SIMD code.
    static float at(const float* table, float x2, float sought_row) {
        const float row = sought_row < rows - 1.001F ? sought_row : rows - 1.001F;
        const float sought = x2 * per_unit2;
        const float column = sought < columns - 1.001F ? sought : columns - 1.001F;
        const int i = static_cast<int>(row);
        const int j = static_cast<int>(column);
        const float f = row - static_cast<float>(i);
        const float g = column - static_cast<float>(j);
        const int cell = i * columns + j;
        const float low = table[cell] + g * (table[cell + 1] - table[cell]);
        const float high = table[cell + columns] + g * (table[cell + columns + 1] - table[cell + columns]);
        return low + f * (high - low);
    }
    [[nodiscard]] const float* data() const { return table_.data(); }

private:
    static constexpr int rows = 40;
    static constexpr int columns = 802;  // to x = 5
    static constexpr float per_unit2 = 32.0F;
    static constexpr float lowest_root = 0.1F;

    MosaicCapTable();
    std::vector<float> table_;
};

}  // namespace braggbench
