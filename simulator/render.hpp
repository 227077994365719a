// Expected photons of an Experiment, by the integrator that it names.
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

// Pure: the same experiment gives the same bytes. The truth is taken from the photons that the spots integrator
// deposits; where the pixels integrator makes the image, they are its own once more, of Gaussian blocks. Throws
// UsageError from validate().
Rendering render(const Experiment& experiment);

// Only the amorphous background, in expected photons per pixel.
Image<float> render_background(const Experiment& experiment);

}  // namespace braggbench
