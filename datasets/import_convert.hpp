// An image as read made into the 16-bit counts of a corpus, without silent loss.
#pragma once

#include <cstdint>

#include "datasets/image_file.hpp"
#include "datasets/import.hpp"

namespace braggbench {

struct ConvertedImage {
    Image<std::uint16_t> counts;
    std::int64_t clipped_px = 0;   // with ImportOptions::OutOfRange::clip
    std::int64_t unusable_px = 0;  // set to 0 although `mask` calls them good
};

// Pixels that `mask` (0 = good) or the image itself calls unusable become 0. Throws DataError naming `name` and the
// pixel: a value that is not whole without a scale, one outside 0 to 65535, one that is unusable but not masked.
ConvertedImage to_counts(const DetectorImage& image, const std::string& name, const Image<std::uint8_t>& mask,
                         const ImportOptions& options);

// 0 where the image has a usable value, 1 elsewhere.
Image<std::uint8_t> mask_of(const DetectorImage& image);

}  // namespace braggbench
