// The checksums of everything in a corpus file but its images, which have their own in /entry/data/checksum: one line
// "crc32  /path" per dataset and "crc32  /path@name" per attribute. A dataset's is that of its values in C order as
// stored, little endian (`zlib.crc32(dataset[()].tobytes())`); a text's that of its bytes; texts of an attribute are
// joined by newlines, numbers are taken as 64-bit floats.
#pragma once

#include <string>
#include <vector>

#include "datasets/hdf5.hpp"

namespace braggbench {

// All of the file as it is now; objects in the order of their names.
std::string make_manifest(const hdf5::Handle& file);

// What differs between the file and the manifest in it, "/path: ...", the place first. Objects that the manifest does
// not name are no difference: others may add their own. Empty if all is as it was written.
std::vector<std::string> manifest_differences(const hdf5::Handle& file);

}  // namespace braggbench
