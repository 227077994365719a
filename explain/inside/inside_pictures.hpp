// Filters and feature maps as pictures.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "datasets/picture.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// The weights of one convolution: (outputs, inputs, height, width).
struct FilterBank {
    std::string name;
    int outputs = 0;
    int inputs = 0;  // of each filter
    int height = 0;
    int width = 0;
    std::vector<float> weights;
};

inline constexpr int most_filters_shown = 32;

struct FilterPicture {
    Picture picture;
    double scale = 0.0;  // weights from -scale (blue) over 0 (white) to scale (red)
    int outputs_shown = 0;
    int inputs_shown = 0;
};
// Filters of one input side by side, each with its largest magnitude; else a table of the first 32 filters (rows) by
// the first 32 inputs (columns).
FilterPicture filter_picture(const FilterBank& bank);

struct FeatureMap {
    std::string name;
    Image<float> map;
    bool empty = false;  // no unit is above epsilon: drawn crossed out
};
// The image, then its maps in rows of 8, each on its own scale from white (lowest) to black (highest), both written
// below it.
Picture feature_map_picture(const Image<float>& photons, const std::string& caption, std::span<const FeatureMap> maps);

}  // namespace braggbench
