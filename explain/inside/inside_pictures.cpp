#include "explain/inside/inside_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace braggbench {
namespace {

constexpr Rgb white = {255, 255, 255};
constexpr Rgb grey = {176, 176, 176};
constexpr Rgb red = {178, 24, 43};
constexpr Rgb blue = {33, 102, 172};

Rgb between(Rgb from, Rgb to, double share) {
    Rgb colour{};
    for (std::size_t c = 0; c < colour.size(); ++c) {
        colour[c] = static_cast<std::uint8_t>(std::lround(from[c] + share * (to[c] - from[c])));
    }
    return colour;
}

Rgb signed_colour(double value, double scale) {
    if (!std::isfinite(value)) return {0, 0, 0};
    const double share = scale > 0.0 ? std::clamp(value / scale, -1.0, 1.0) : 0.0;
    return between(white, share < 0.0 ? blue : red, std::abs(share));
}

void paste(Picture& target, const Picture& source, int left, int top) {
    for (int slow = 0; slow < source.height; ++slow) {
        for (int fast = 0; fast < source.width; ++fast) target(left + fast, top + slow) = source(fast, slow);
    }
}

Picture one_filter(const FilterBank& bank, int output, int input, double scale, int factor) {
    Picture cell(bank.width, bank.height);
    const auto size = static_cast<std::size_t>(bank.width) * static_cast<std::size_t>(bank.height);
    const auto first =
        (static_cast<std::size_t>(output) * static_cast<std::size_t>(bank.inputs) + static_cast<std::size_t>(input)) *
        size;
    for (std::size_t i = 0; i < size; ++i) cell.pixels[i] = signed_colour(bank.weights[first + i], scale);
    return resize_nearest(cell, factor);
}

double largest(std::span<const float> values) {
    double most = 0.0;
    for (const float value : values) {
        if (std::isfinite(value)) most = std::max(most, std::abs(static_cast<double>(value)));
    }
    return most;
}

// Crossed out on grey, so that it is not taken for a map that is low everywhere.
Picture empty_picture(int size_px) {
    Picture picture(size_px, size_px, {226, 226, 226});
    for (int i = 0; i < size_px; ++i) {
        for (const int fast : {i, size_px - 1 - i}) {
            picture(fast, i) = red;
            picture(std::min(fast + 1, size_px - 1), i) = red;
        }
    }
    return picture;
}

Picture map_picture(const Image<float>& map, float low, float high) {
    Picture picture(map.width, map.height);
    for (std::size_t i = 0; i < map.size(); ++i) {
        const float value = map.pixels[i];
        if (!std::isfinite(value)) {
            picture.pixels[i] = red;
            continue;
        }
        const double share = high > low ? static_cast<double>(value - low) / static_cast<double>(high - low) : 0.0;
        picture.pixels[i] = between(white, {0, 0, 0}, share);
    }
    return picture;
}

// Block maxima: a spot of one unit stays.
Image<float> reduced(const Image<float>& map, int factor) {
    Image<float> result(map.width / factor, map.height / factor, -std::numeric_limits<float>::infinity());
    for (int slow = 0; slow < result.height * factor; ++slow) {
        for (int fast = 0; fast < result.width * factor; ++fast) {
            auto& most = result(fast / factor, slow / factor);
            most = std::max(most, map(fast, slow));
        }
    }
    return result;
}

Tile map_tile(const FeatureMap& map, int cell_px) {
    float low = 0.0F;
    float high = 0.0F;
    bool any = false;
    for (const float value : map.map.pixels) {
        if (!std::isfinite(value)) continue;
        low = any ? std::min(low, value) : value;
        high = any ? std::max(high, value) : value;
        any = true;
    }
    if (map.empty) return {empty_picture(cell_px), map.name + " empty"};
    if (!any) return {empty_picture(cell_px), map.name + " NaN"};
    const int longest = std::max(map.map.width, map.map.height);
    const Picture picture = longest >= 2 * cell_px
                                ? map_picture(reduced(map.map, longest / cell_px), low, high)
                                : resize_nearest(map_picture(map.map, low, high), std::max(1, cell_px / longest));
    return {picture, fmt::format("{} {:.2g}..{:.2g}", map.name, low, high)};
}

}  // namespace

FilterPicture filter_picture(const FilterBank& bank) {
    FilterPicture result;
    result.scale = largest(bank.weights);
    if (bank.inputs == 1) {
        result.outputs_shown = bank.outputs;
        result.inputs_shown = 1;
        const int factor = std::max(1, 72 / std::max(bank.width, bank.height));
        const auto size = static_cast<std::size_t>(bank.width) * static_cast<std::size_t>(bank.height);
        std::vector<Tile> tiles;
        for (int output = 0; output < bank.outputs; ++output) {
            const auto weights = std::span(bank.weights).subspan(static_cast<std::size_t>(output) * size, size);
            tiles.push_back({one_filter(bank, output, 0, result.scale, factor),
                             fmt::format("{}: {:.2g}", output, largest(weights))});
        }
        result.picture = contact_sheet(tiles, 8);
        return result;
    }
    result.outputs_shown = std::min(bank.outputs, most_filters_shown);
    result.inputs_shown = std::min(bank.inputs, most_filters_shown);
    const int factor = std::max(2, 15 / std::max(bank.width, bank.height));
    const int step_fast = bank.width * factor + 1;
    const int step_slow = bank.height * factor + 1;
    result.picture = Picture(result.inputs_shown * step_fast + 1, result.outputs_shown * step_slow + 1, grey);
    for (int output = 0; output < result.outputs_shown; ++output) {
        for (int input = 0; input < result.inputs_shown; ++input) {
            paste(result.picture, one_filter(bank, output, input, result.scale, factor), 1 + input * step_fast,
                  1 + output * step_slow);
        }
    }
    return result;
}

Picture feature_map_picture(const Image<float>& photons, const std::string& caption, std::span<const FeatureMap> maps) {
    constexpr int image_px = 384;
    constexpr int cell_px = 128;
    const Tile image{resize_nearest(grey_picture(photons), std::max(1, image_px / photons.width)), caption};
    const Picture left = contact_sheet(std::span(&image, 1), 1);
    std::vector<Tile> tiles;
    for (const FeatureMap& map : maps) tiles.push_back(map_tile(map, cell_px));
    const Picture right = contact_sheet(tiles, 8);
    Picture both(left.width + right.width, std::max(left.height, right.height), white);
    paste(both, left, 0, 0);
    paste(both, right, left.width, 0);
    return both;
}

}  // namespace braggbench
