// The `spots` integrator: expected photons of an Experiment, by walking the reciprocal lattice near the Ewald sphere.
#pragma once

#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

struct Rendering {
    Image<float> expected_photons;  // background + peaks, per pixel, before the detector's response
    std::vector<Peak> peaks;        // the truth, brightest first
};

// Pure: the same experiment gives the same bytes. Each reflection is a 3-D Gaussian whose covariance adds shape, mosaic
// spread, bandwidth and divergence; the truth is taken from the photons actually deposited. Throws UsageError from
// validate().
Rendering render(const Experiment& experiment);

// Only the amorphous background, in expected photons per pixel.
Image<float> render_background(const Experiment& experiment);

}  // namespace braggbench
