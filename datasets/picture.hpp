// Pictures for people: display scaling, peak overlays, heat maps, contact sheets. 8-bit RGB, written as PNG.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

using Rgb = std::array<std::uint8_t, 3>;
using Picture = Image<Rgb>;

// Dark background, bright spots on a white page are hard to see at a few pixels: diffraction is shown dark on light,
// square-root scaled between the 1st and the 99.8th percentile of the valid pixels.
Picture grey_picture(const Image<float>& values);
Picture grey_picture(const Image<std::uint16_t>& values);

// Circles around the visible peaks.
void mark_peaks(Picture& picture, std::span<const Peak> peaks, double scale = 1.0, Rgb colour = {214, 39, 40});

// A map of the image's size (any non-negative scale) blended over the picture.
void blend_heat(Picture& picture, const Image<float>& map);

// Block maxima, which keep spots of one pixel visible where means would wash them out; what does not fill a block is
// left out.
Image<std::uint16_t> reduce_max(const Image<std::uint16_t>& image, int factor);

Picture resize_nearest(const Picture& picture, int factor);

struct Tile {
    Picture picture;
    std::string caption;
};
// Tiles in rows of `columns`, each with its caption below.
Picture contact_sheet(std::span<const Tile> tiles, int columns);

void write_png(const std::filesystem::path& path, const Picture& picture);
std::vector<std::uint8_t> encode_png(const Picture& picture);

}  // namespace braggbench
