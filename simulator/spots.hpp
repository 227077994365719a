// The Bragg spots of every lattice, by walking the reciprocal lattice near the Ewald sphere.
#pragma once

#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

// Adds the expected photons of every lattice and appends its peaks (photons, place, footprint, resolution; background,
// signal-to-noise and visibility are left to render()). The experiment must have passed validate().
void add_spots(const Experiment& experiment, Image<float>& expected_photons, std::vector<Peak>& peaks);

}  // namespace braggbench
