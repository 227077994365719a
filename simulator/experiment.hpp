// One shot as plain data: beam, detector, crystals, everything else that scatters, and the detector's response.
// Lab frame (docs/frames.md): the sample at the origin, +z along the beam, +y up, +x to the left seen along the beam
// (the NeXus / McStas frame). Reciprocal vectors are in 1/A with |s| = 1/wavelength, without a factor 2 pi.
#pragma once

#include <vector>

#include "simulator/anisotropy.hpp"
#include "simulator/background.hpp"
#include "simulator/beam.hpp"
#include "simulator/crystal.hpp"
#include "simulator/detector.hpp"
#include "simulator/ice.hpp"
#include "simulator/integration.hpp"
#include "simulator/occluders.hpp"
#include "simulator/response.hpp"
#include "simulator/single_particle.hpp"
#include "simulator/small_angle.hpp"

namespace braggbench {

struct Experiment {
    Beam beam;
    Detector detector;
    std::vector<Crystal> crystals;
    std::vector<AmorphousLayer> background;
    std::vector<Occluder> occluders;
    ParticleShot particles;
    SmallAngle small_angle;
    RadialProfile radial_profile;
    Anisotropy anisotropy;
    Ice ice;
    DetectorResponse response;
    Integration integration;
};

// Throws UsageError that lists every fault of the experiment at once (non-finite or out-of-range values).
void validate(const Experiment& experiment);

}  // namespace braggbench
