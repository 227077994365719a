#include "simulator/pixel_mask.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "simulator/faults.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

// Stage::pixel_defects: pixel i takes word i % 4 of block i / 4, the columns the blocks from here on.
constexpr std::uint32_t first_column_block = 1U << 24U;

bool is_adu(double value) { return value >= 0.0 && value <= 65535.0; }

}  // namespace

void check(const PixelDefects& defects, Faults& faults) {
    const auto fraction = [&](const char* name, double value) {
        faults.require(value >= 0.0 && value <= 1.0, name, value, "it is a share of all pixels",
                       "Give a number in [0, 1].");
    };
    fraction("dead_fraction", defects.dead_fraction);
    fraction("hot_fraction", defects.hot_fraction);
    faults.require(defects.dead_fraction + defects.hot_fraction <= 1.0, "dead_fraction + hot_fraction",
                   defects.dead_fraction + defects.hot_fraction, "a pixel has one defect", "Lower one of them.");
    faults.require(defects.drawn_bad_columns >= 0 && defects.drawn_bad_columns <= 65535, "drawn_bad_columns",
                   defects.drawn_bad_columns, "it is a number of columns", "Give 0 to 65535.");
    faults.require(is_adu(defects.dead_value_adu), "dead_value_adu", defects.dead_value_adu,
                   "pixels are stored in 16 bits", "Give a value in [0, 65535].");
    faults.require(is_adu(defects.hot_value_adu), "hot_value_adu", defects.hot_value_adu,
                   "pixels are stored in 16 bits", "Give a value in [0, 65535].");
}

bool has_defects(const PixelDefects& defects) {
    return defects.dead_fraction > 0.0 || defects.hot_fraction > 0.0 || defects.drawn_bad_columns > 0 ||
           !defects.dead.empty() || !defects.hot.empty() || !defects.bad_columns_fast_px.empty();
}

Image<std::uint8_t> defect_mask(const PixelDefects& defects, std::uint64_t detector_seed, int width_px, int height_px) {
    Image<std::uint8_t> mask(width_px, height_px);
    if (defects.dead_fraction > 0.0 || defects.hot_fraction > 0.0) {
        const auto dead_below = static_cast<std::uint64_t>(std::ldexp(defects.dead_fraction, 32));
        const auto hot_from =
            (std::uint64_t{1} << 32U) - static_cast<std::uint64_t>(std::ldexp(defects.hot_fraction, 32));
        std::array<std::uint32_t, 1024> words{};
        for (std::size_t first = 0; first < mask.size(); first += words.size()) {
            philox_words(detector_seed, 0, Stage::pixel_defects, static_cast<std::uint32_t>(first / 4), words);
            const std::size_t n = std::min(words.size(), mask.size() - first);
            for (std::size_t i = 0; i < n; ++i) {
                if (words[i] < dead_below) mask.pixels[first + i] = mask_dead;
                if (words[i] >= hot_from) mask.pixels[first + i] = mask_hot;
            }
        }
    }
    const auto add = [&](PixelPlace place, std::uint8_t bit) {
        if (place.fast_px < 0 || place.fast_px >= width_px || place.slow_px < 0 || place.slow_px >= height_px) return;
        mask(place.fast_px, place.slow_px) |= bit;
    };
    for (const PixelPlace place : defects.dead) add(place, mask_dead);
    for (const PixelPlace place : defects.hot) add(place, mask_hot);
    std::vector<int> columns = defects.bad_columns_fast_px;
    RandomStream random(detector_seed, 0, Stage::pixel_defects, first_column_block);
    for (int i = 0; i < defects.drawn_bad_columns; ++i)
        columns.push_back(static_cast<int>(random.uniform() * width_px));
    for (const int column : columns) {
        for (int slow = 0; slow < height_px; ++slow) add({column, slow}, mask_dead);
    }
    return mask;
}

void mask_gaps(const Detector& detector, Image<std::uint8_t>& mask) {
    const bool no_gaps = std::ranges::any_of(detector.panels, [&](const Panel& panel) {
        return panel.image_fast_px <= 0 && panel.image_fast_px + panel.width_px >= mask.width &&
               panel.image_slow_px <= 0 && panel.image_slow_px + panel.height_px >= mask.height;
    });
    if (no_gaps) return;
    Image<std::uint8_t> gaps(mask.width, mask.height, mask_gap);
    for (const Panel& panel : detector.panels) {
        const int first_fast = std::clamp(panel.image_fast_px, 0, mask.width);
        const int end_fast = std::clamp(panel.image_fast_px + panel.width_px, first_fast, mask.width);
        const int end_slow = std::min(panel.image_slow_px + panel.height_px, mask.height);
        for (int slow = std::max(panel.image_slow_px, 0); slow < end_slow; ++slow) {
            std::fill_n(gaps.pixels.begin() + static_cast<std::ptrdiff_t>(gaps.index(first_fast, slow)),
                        end_fast - first_fast, std::uint8_t{0});
        }
    }
    // Plain pointers: bytes may alias the images themselves, which would keep the loop scalar.
    std::uint8_t* const bits = mask.pixels.data();
    const std::uint8_t* const gap = gaps.pixels.data();
    const std::size_t size = mask.size();
    for (std::size_t i = 0; i < size; ++i) bits[i] |= gap[i];
}

}  // namespace braggbench
