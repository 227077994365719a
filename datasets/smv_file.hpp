// SMV (ADSC) images: a text header in braces, then 16-bit unsigned pixels. BEAM_CENTER_X/Y are millimetres in MOSFLM's
// order (docs/frames.md). Reference: the header as dxtbx 3.12's FormatSMVADSC reads it.
#pragma once

#include <filesystem>
#include <string_view>

#include "datasets/image_file.hpp"

namespace braggbench {

bool is_smv(std::string_view head);

// `bytes` is the whole file. Throws DataError for a bad header or missing pixels.
DetectorImage read_smv(const std::filesystem::path& path, std::string_view bytes);

}  // namespace braggbench
