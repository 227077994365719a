// Which maps of an explanation are drawn, and how: the image beside itself under the map, the visible peaks circled.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "datasets/picture.hpp"
#include "explain/explanation_rows.hpp"

namespace braggbench {

// Positions in row.images of up to `count` scored images, in turn from each class.
std::vector<std::size_t> choose_shown(const MapRow& row, int count);

// The HiResCAM of highest median sLift, then the Grad-CAM of the last stage as the usual reference.
std::vector<std::size_t> rows_to_draw(std::span<const MapRow> rows, const nlohmann::json& row_objects);

// Left the image, right the positive part of `map` on white (square-root scaled up to its 99.5th percentile); visible
// peaks circled on both, both enlarged to about 512 px.
Picture overlay_picture(const Image<float>& photons, std::span<const Peak> peaks, const Image<float>& map);

}  // namespace braggbench
