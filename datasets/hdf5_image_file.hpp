// HDF5 image stacks (NXmx, CXI, or any file with one stack of 2-D images) read one detector image at a time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "datasets/image_file.hpp"

namespace braggbench {

// True if the file exists and begins with (or holds, after a user block) the HDF5 signature.
bool is_hdf5(const std::filesystem::path& path);

// Images in the stack. Throws DataError for a file that is not HDF5, is truncated or holds no image stack.
std::int64_t hdf5_image_count(const std::filesystem::path& path);

// Image `index` with the file's mask and beam centre. Throws DataError as above, and for an index outside the stack.
DetectorImage read_hdf5_image(const std::filesystem::path& path, std::int64_t index);

}  // namespace braggbench
