// Between a stage's grid and the input's pixels. Unit (i, j) of a grid sits at input pixel index
// start_px + stride_px * (j, i), counted so that pixel 0's centre is 0.
#pragma once

#include "explain/localisation.hpp"
#include "simulator/image.hpp"

namespace braggbench {

struct StageGrid {
    int width = 1;
    int height = 1;
    double stride_px = 1.0;
    double start_px = 0.0;
};

// Bilinear between unit centres, held beyond the outermost centres. Throws UsageError for an empty grid or a stride
// that is not positive.
Image<float> register_grid(const Image<float>& units, double stride_px, double start_px, int width_px, int height_px);

// The best a map at this grid could do: the true mask averaged over each unit's cell (stride x stride pixels around its
// centre) and registered back.
Image<float> oracle_map(const PeakTargets& truth, const StageGrid& grid);

}  // namespace braggbench
