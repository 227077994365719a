// Which pixels of the assembled image measure nothing or lie: the detector's defects and the gaps between its panels.
// The bits are those of NXdetector's pixel_mask (https://manual.nexusformat.org/classes/base_classes/NXdetector.html).
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/detector.hpp"
#include "simulator/image.hpp"

namespace braggbench {

class Faults;

inline constexpr std::uint8_t mask_gap = 1U << 0U;   // no sensor
inline constexpr std::uint8_t mask_dead = 1U << 1U;  // reports dead_value_adu whatever falls on it
inline constexpr std::uint8_t mask_hot = 1U << 3U;   // over-responding: reports hot_value_adu

struct PixelPlace {
    int fast_px = 0;
    int slow_px = 0;
};

// Defects of one particular detector: those listed, and those drawn by its seed.
struct PixelDefects {
    double dead_fraction = 0.0;
    double hot_fraction = 0.0;
    int drawn_bad_columns = 0;  // lines along slow, dead over the whole image
    std::vector<PixelPlace> dead = {};
    std::vector<PixelPlace> hot = {};
    std::vector<int> bad_columns_fast_px = {};
    double dead_value_adu = 0.0;
    double hot_value_adu = 65535.0;
};

void check(const PixelDefects& defects, Faults& faults);

bool has_defects(const PixelDefects& defects);

// The defects of an image of that size; places outside it are ignored. The same detector_seed gives the same defects.
Image<std::uint8_t> defect_mask(const PixelDefects& defects, std::uint64_t detector_seed, int width_px, int height_px);

// Adds mask_gap wherever no panel lies.
void mask_gaps(const Detector& detector, Image<std::uint8_t>& mask);

}  // namespace braggbench
