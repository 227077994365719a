#include "explain/overlay.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

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

namespace {

// What makes weak parts of a peaked map visible: its positive part up to the 99.5th percentile, as square roots.
Image<float> for_display(const Image<float>& map) {
    std::vector<float> positive;
    for (const float value : map.pixels) {
        if (value > 0.0F) positive.push_back(value);
    }
    if (positive.empty()) return map;
    const auto at = static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(positive.size() - 1));
    std::nth_element(positive.begin(), positive.begin() + at, positive.end());
    const float highest = positive[static_cast<std::size_t>(at)];
    Image<float> shown = map;
    for (float& value : shown.pixels) value = std::sqrt(std::clamp(value, 0.0F, highest) / highest);
    return shown;
}

}  // namespace

Picture overlay_picture(const Image<float>& photons, std::span<const Peak> peaks, const Image<float>& map) {
    constexpr int comfortable_px = 512;
    const int factor = std::max(1, comfortable_px / map.width);
    Picture heated(map.width, map.height, Rgb{255, 255, 255});
    blend_heat(heated, for_display(map));
    Picture left = resize_nearest(grey_picture(photons), factor);
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
