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
// where the Gaussian is everything. The Gaussian has the share s + d cos(2 phi) of the variance in the direction phi;
// the answer is to first order in d.
class MosaicCapTable {
public:
    static constexpr int columns = 802;  // uniform in x^2, to x = 5
    static constexpr float per_unit2 = 32.0F;

    // Built at the first call, in some 20 ms.
    static const MosaicCapTable& instance();

    // Writes the answer for one s: `columns` values for d = 0, then as many of its slope in d cos(2 phi).
    void select(double gaussian_share, float* out) const;

    static constexpr float last_column = columns - 1.001F;

    // From what select() wrote; `last` is last_column, by a variable lest the compiler make two cases of it.
    static float at(const float* selected, float x2, float skew, float last = last_column) {
        const float sought = x2 * per_unit2;
        const float column = sought < last ? sought : last;
        const int j = static_cast<int>(column);
        const float g = column - static_cast<float>(j);
        const float round = selected[j] + g * (selected[j + 1] - selected[j]);
        const float slope = selected[j + columns] + g * (selected[j + columns + 1] - selected[j + columns]);
        return round + skew * slope;
    }

private:
    MosaicCapTable();
    std::vector<float> table_;  // rows uniform in share^(1/4), which follows the sharpening edge
};

}  // namespace braggbench
