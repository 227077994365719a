// The geometry and response that an imported corpus states: from the files' headers, from options, or assumed.
#pragma once

#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/hdf5_image_file.hpp"
#include "datasets/image_file.hpp"
#include "datasets/import.hpp"

namespace braggbench {

// From the header of an SMV or miniCBF file; empty for formats that state none.
StackGeometry header_geometry(const std::filesystem::path& path);

// Sets wavelength, detector and response of `info` by options, `stated` and `first`, in this order. What none of them
// knows is assumed and noted: 1 A, 100 mm, pixels of 0.1 mm, the beam in the middle, one ADU per photon.
void describe_detector(const ImportOptions& options, const StackGeometry& stated, const DetectorImage& first,
                       CorpusInfo& info, std::vector<std::string>& notes);

}  // namespace braggbench
