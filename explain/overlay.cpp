#include "explain/overlay.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace braggbench {

std::vector<std::size_t> choose_shown(const MapRow& row, int count) {
    std::map<int, std::vector<std::size_t>> by_class;
    for (std::size_t position = 0; position < row.images.size(); ++position) {
        const ImageScore& image = row.images[position];
        if (image.has_peaks && image.scores.slift) {
            by_class[image.class_index].push_back(position);
        }
    }
    std::vector<std::size_t> shown;
    for (std::size_t turn = 0;; ++turn) {
        const std::size_t before = shown.size();
        for (const auto& [class_index, positions] : by_class) {
            if (turn < positions.size() && static_cast<int>(shown.size()) < count) {
                shown.push_back(positions[turn]);
            }
        }
        if (shown.size() == before) {
            return shown;
        }
    }
}

std::vector<std::size_t> rows_to_draw(std::span<const MapRow> rows, const nlohmann::json& row_objects) {
    std::optional<std::size_t> best;
    std::optional<std::size_t> reference;
    double highest = -1.0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].id.kind != "attribution") {
            continue;
        }
        if (rows[i].id.map == "grad_cam") {
            reference = i;
            continue;
        }
        const nlohmann::json& value = row_objects[i].at("slift").at("value");
        if (value.is_number() && value.get<double>() > highest) {
            highest = value.get<double>();
            best = i;
        }
    }
    std::vector<std::size_t> drawn;
    for (const std::optional<std::size_t>& row : {best, reference}) {
        if (row) {
            drawn.push_back(*row);
        }
    }
    return drawn;
}

Picture overlay_picture(const Image<float>& photons, std::span<const Peak> peaks, const Image<float>& map) {
    constexpr int comfortable_px = 512;
    const int factor = std::max(1, comfortable_px / map.width);
    const Picture plain = grey_picture(photons);
    Picture heated = plain;
    blend_heat(heated, map);
    Picture left = resize_nearest(plain, factor);
    Picture right = resize_nearest(heated, factor);
    mark_peaks(left, peaks, factor);
    mark_peaks(right, peaks, factor);
    constexpr int gap_px = 8;
    Picture both(left.width + gap_px + right.width, left.height, Rgb{255, 255, 255});
    for (int slow = 0; slow < left.height; ++slow) {
        for (int fast = 0; fast < left.width; ++fast) {
            both(fast, slow) = left(fast, slow);
            both(left.width + gap_px + fast, slow) = right(fast, slow);
        }
    }
    return both;
}

}  // namespace braggbench
