// The judge of the spots integrator: every pixel, sampled over its area, the mosaic rotation, the wavelength and the
// source's direction, in double precision and with nothing expanded or folded. Slow; for small panels.
#pragma once

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench {

// Expected Bragg photons. Each sample of a pixel takes the nearest reflection, as nanoBragg does; `samples` points of a
// low-discrepancy sequence per pixel.
Image<double> pixel_loop(const Experiment& experiment, int samples);

// The same for one reflection of the first crystal and the first line of the spectrum, with rotation, wavelength and
// source direction drawn near those that bring it into reflection and weighted by the ratio of densities (importance
// sampling): no bias, and far fewer samples where the smearing is much wider than the block's own reflection.
Image<double> pixel_loop(const Experiment& experiment, MillerIndex hkl, int samples);

}  // namespace braggbench
