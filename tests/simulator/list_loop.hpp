// The judge of the pixels integrator: nanoBragg's model written down as it is, for one crystal on one flat panel square
// to the beam, one step after the other in double precision. Lab frame, |s| = 1 / lambda.
#pragma once

#include <optional>

#include "simulator/image.hpp"
#include "simulator/pixels.hpp"

namespace braggbench {

// Expected Bragg photons of the product list `sampling`, in `region` if there is one. What does not depend on the pixel
// is computed once, as any plain program would.
Image<double> list_loop(const Experiment& experiment, const PixelSampling& sampling,
                        const std::optional<PixelRegion>& region = {});

}  // namespace braggbench
