// miniCBF as Pilatus detectors write it: counts in byte-offset compression under the header they have, through CBFlib.
// Lengths in the header in metres, the beam in pixels from the outer corner, as dxtbx takes it (docs/frames.md).
#pragma once

#include <cstdint>
#include <filesystem>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// A CBF holds photon counts: each value becomes round((value - offset) / gain), at least 0. Pixels outside every panel
// become -1, which is how a Pilatus marks its gaps. Throws UsageError unless all panels lie in one plane square to the
// beam on one pixel grid, DataError if the file cannot be written.
void write_minicbf(const std::filesystem::path& path, const Image<std::uint16_t>& image, const Experiment& experiment);

}  // namespace braggbench
