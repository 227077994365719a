// CBF and miniCBF images through CBFlib: one panel as it is stored, several panels assembled by their axes.
// Reference: Hammersley, Bernstein & Westbrook, International Tables G, chapters 3.7 and 4.6 (imgCIF).
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "datasets/image_file.hpp"

namespace braggbench {

bool is_cbf(std::string_view head);

// CBFlib says nothing of threads, so whoever calls it holds this.
std::mutex& cbflib_mutex();

// `bytes` is the whole file, unpacked. Pixels at or below `_array_intensities.undefined_value` (below 0 without one),
// or above `_array_intensities.overload` or a miniCBF's Count_cutoff, are masked. Several panels become one image whose
// fast axis is imgCIF +x and slow axis is -y (docs/frames.md): each panel is turned by a multiple of 90 degrees and
// moved by whole pixels, so values stay as measured and positions are right to about half a pixel. Throws DataError.
DetectorImage read_cbf(const std::filesystem::path& path, std::string bytes);

}  // namespace braggbench
