#include "datasets/import_convert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "simulator/error.hpp"

namespace braggbench {

Image<std::uint8_t> mask_of(const DetectorImage& image) {
    Image<std::uint8_t> mask(image.valid.width, image.valid.height);
    std::ranges::transform(image.valid.pixels, mask.pixels.begin(),
                           [](std::uint8_t valid) { return static_cast<std::uint8_t>(valid == 0 ? 1 : 0); });
    return mask;
}

ConvertedImage to_counts(const DetectorImage& image, const std::string& name, const Image<std::uint8_t>& mask,
                         const ImportOptions& options) {
    constexpr double highest = 65535.0;
    const bool as_it_is = options.scale == 1.0 && options.offset == 0.0;
    const int width = image.values.width;
    ConvertedImage result;
    result.counts = Image<std::uint16_t>(width, image.values.height);
    const auto place = [&](std::size_t i) {
        return fmt::format("pixel ({}, {})", i % static_cast<std::size_t>(width), i / static_cast<std::size_t>(width));
    };
    for (std::size_t i = 0; i < image.values.size(); ++i) {
        if (mask.pixels[i] != 0) continue;
        if (image.valid.pixels[i] == 0) {
            if (options.unusable == ImportOptions::Unusable::error) {
                throw DataError(
                    fmt::format("{}: {} has no usable value (it is NaN, negative or marked as bad, and not so in the "
                                "first image, whose mask is the corpus'). Allow 0 for such pixels (--unusable zero).",
                                name, place(i)));
            }
            ++result.unusable_px;
            continue;
        }
        const auto value = static_cast<double>(image.values.pixels[i]);
        if (as_it_is && value != std::floor(value)) {
            throw DataError(
                fmt::format("{}: {} is {} (a corpus holds whole numbers of 0 to 65535). Give --scale, and --offset if "
                            "there are negative values.",
                            name, place(i), value));
        }
        double stored = std::nearbyint(options.scale * value + options.offset);
        if (!(stored >= 0.0 && stored <= highest)) {
            if (options.out_of_range == ImportOptions::OutOfRange::error || std::isnan(stored)) {
                throw DataError(fmt::format(
                    "{}: {} is {}{} (a corpus holds 0 to 65535). Give another --scale or --offset, or allow --clip.",
                    name, place(i), value, as_it_is ? "" : fmt::format(", scaled {}", stored)));
            }
            stored = std::clamp(stored, 0.0, highest);
            ++result.clipped_px;
        }
        result.counts.pixels[i] = static_cast<std::uint16_t>(stored);
    }
    return result;
}

}  // namespace braggbench
