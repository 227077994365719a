#include "bench/ablation/grid.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <sstream>

namespace braggbench {

const std::array<AxisRule, axis_count>& axis_rules() {
    static const std::array<AxisRule, axis_count> rules = {{
        {"view", false, "downsample:max:SIZE", "what the model sees (docs/views.md); SIZE stands for input_px"},
        {"input_px", true, "256", "edge of what the model sees, the same for every view"},
        {"native_px", true, "0", "edge of the detector's image, the same scenes on smaller pixels; 0 = the recipe's"},
        {"model", false, "compact", "zoo name"},
        {"balance", false, "none", "none, or balanced: the true and the false of every label count alike in the loss"},
        {"initialisation", false, "scratch", "scratch, transfer (weights of [transfer]) or frozen (those kept)"},
        {"labels", false, "class", "what is learned and asked: heads as `train --heads` takes them, between blanks"},
        {"truth", false, "image", "image: labels of the whole image; view: of what is visible in the view"},
        {"training_size", true, "0",
         "images of the train split, chosen by the seed, the smaller among the larger; "
         "0 = all"},
        {"seed", true, "1,2,3", "keys initialisation, order, variation, crops and the choice of training images"},
    }};
    return rules;
}

std::vector<Axis> Grid::varied() const {
    std::vector<Axis> axes_varied;
    std::ranges::copy_if(all_axes, std::back_inserter(axes_varied), [&](Axis axis) { return values(axis).size() > 1; });
    return axes_varied;
}

std::vector<Cell> cells_of(const Grid& grid) {
    std::vector<Cell> cells(1);
    const auto cross = [&](Axis axis) {
        std::vector<Cell> crossed;
        for (const auto& cell : cells) {
            for (const auto& value : grid.values(axis)) {
                crossed.push_back(cell);
                crossed.back().values[static_cast<std::size_t>(axis)] = value;
            }
        }
        cells = std::move(crossed);
    };
    cross(Axis::seed);
    for (const Axis axis : all_axes) {
        if (axis != Axis::seed) cross(axis);
    }
    return cells;
}

ViewSpec view_of(const Cell& cell) {
    std::string text = cell[Axis::view];
    const std::string_view size = "SIZE";
    for (auto at = text.find(size); at != std::string::npos; at = text.find(size)) {
        text.replace(at, size.size(), cell[Axis::input_px]);
    }
    return parse_view(text);
}

std::vector<std::string> heads_of(const std::string& labels) {
    std::istringstream words(labels);
    return {std::istream_iterator<std::string>(words), {}};
}

std::string cell_name(const Grid& grid, const Cell& cell) {
    std::vector<std::string> parts;
    for (const Axis axis : grid.varied()) {
        const bool plain = axis == Axis::view || axis == Axis::model || axis == Axis::initialisation;
        parts.push_back(plain ? cell[axis] : fmt::format("{} {}", rule_of(axis).name, cell[axis]));
    }
    return parts.empty() ? grid.name : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace braggbench
