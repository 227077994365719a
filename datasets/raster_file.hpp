// Greyscale raster images: PNG, TIFF and JPEG through OpenCV, PGM (P2, P5) by a reader of our own; PNG and PGM written.
#pragma once

#include <filesystem>
#include <string_view>

#include "datasets/image_file.hpp"

namespace braggbench {

bool is_raster(std::string_view head);

// `bytes` is the whole file. Colours become luma. Throws DataError for a truncated or damaged file.
DetectorImage read_raster(const std::filesystem::path& path, std::string_view bytes);

// 8-bit greyscale PNG; write_png16() of image_file.hpp writes 16 bits.
void write_png8(const std::filesystem::path& path, const Image<std::uint8_t>& image);

// Binary PGM (P5), 8 bit or 16 bit with the high byte first, as pgm(5) has it.
void write_pgm(const std::filesystem::path& path, const Image<std::uint8_t>& image);
void write_pgm(const std::filesystem::path& path, const Image<std::uint16_t>& image);

}  // namespace braggbench
