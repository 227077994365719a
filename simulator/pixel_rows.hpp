// Per-pixel geometry of whole rows, in single precision and in loops that become SIMD code: what scattering from
// anything without a lattice needs. Reciprocal lengths in 1/A without a factor 2 pi.
#pragma once

#include <span>
#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// At the middle of each pixel of one row of one panel.
struct PixelRow {
    int panel = 0;
    int slow_px = 0;                               // within the panel
    std::vector<float> qx_invA, qy_invA, qz_invA;  // q = s1 - s0 in the lab frame
    std::vector<float> stol_invA;                  // sin(theta) / lambda = |q| / 2
    std::vector<float> photons_per_e2;             // r_e^2 fluence * solid angle * polarisation * capture
};

// Computes the geometry of row `slow_px` of panel `panel` into `row`, whose arrays it resizes.
void trace_row(const Experiment& experiment, int panel, int slow_px, PixelRow& row);

// Calls visit(const PixelRow&, std::span<float> pixels) for every row of every panel, with the row's pixels in `image`.
template <class Visit>
void for_each_pixel_row(const Experiment& experiment, Image<float>& image, const Visit& visit) {
    PixelRow row;
    for (std::size_t number = 0; number < experiment.detector.panels.size(); ++number) {
        const Panel& panel = experiment.detector.panels[number];
        for (int slow = 0; slow < panel.height_px; ++slow) {
            trace_row(experiment, static_cast<int>(number), slow, row);
            visit(row, std::span<float>(&image(panel.image_fast_px, panel.image_slow_px + slow),
                                        static_cast<std::size_t>(panel.width_px)));
        }
    }
}

// |q| of the pixel corner that is farthest from the beam.
double largest_q_invA(const Experiment& experiment);

}  // namespace braggbench
