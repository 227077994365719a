// Greyscale raster images: PNG and TIFF through OpenCV, PGM (P2, P5) by a reader of our own, 16-bit PNG written.
#pragma once

#include <filesystem>
#include <string_view>

#include "datasets/image_file.hpp"

namespace braggbench {

bool is_raster(std::string_view head);

// `bytes` is the whole file. Colours become luma. Throws DataError for a truncated or damaged file.
DetectorImage read_raster(const std::filesystem::path& path, std::string_view bytes);

}  // namespace braggbench
