// A controlled grid as plain data: axes whose values are crossed with each other, and what all cells share. Its TOML
// is described in docs/ablation.md.
#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "classifiers/train_options.hpp"
#include "datasets/view_spec.hpp"

namespace braggbench {

enum class Axis : std::size_t {
    view,
    input_px,
    native_px,
    model,
    balance,
    initialisation,
    labels,
    truth,
    training_size,
    seed
};
inline constexpr std::size_t axis_count = 10;

struct AxisRule {
    const char* name;
    bool whole_number;
    const char* otherwise;  // the values of a grid that does not state it, joined by commas
    const char* help;
};
const std::array<AxisRule, axis_count>& axis_rules();
inline const AxisRule& rule_of(Axis axis) { return axis_rules()[static_cast<std::size_t>(axis)]; }
inline constexpr std::array<Axis, axis_count> all_axes = {
    Axis::view,           Axis::input_px, Axis::native_px, Axis::model,         Axis::balance,
    Axis::initialisation, Axis::labels,   Axis::truth,     Axis::training_size, Axis::seed};

// One value of every axis.
struct Cell {
    std::array<std::string, axis_count> values;
    [[nodiscard]] const std::string& operator[](Axis axis) const { return values[static_cast<std::size_t>(axis)]; }
    [[nodiscard]] int number(Axis axis) const { return std::stoi((*this)[axis]); }
    bool operator==(const Cell&) const = default;
};

// Where transfer and frozen cells take their weights from: the same model and view trained on this first.
struct Transfer {
    std::string recipe;
    std::vector<std::string> set;
    std::string labels = "class";
    int epochs = 10;
    std::string freeze_through;  // of frozen cells; empty = the last stage
};

// Maps of one method at one stage, scored against the true peaks.
struct LocalisationPlan {
    std::string method;  // empty = none are made
    std::string stage;
    std::string explained;  // class, label or value; empty = the class that the model says
    int images_per_class = 20;
};

struct Grid {
    std::string name;
    std::string description;
    std::string text;  // the TOML as it was given
    std::string recipe;
    std::vector<std::string> set;  // changes of single keys of the recipe
    std::string corpus;            // a file instead of a recipe
    TrainOptions training;         // what no axis sets
    Transfer transfer;
    LocalisationPlan localisation;
    std::array<std::vector<std::string>, axis_count> axes;

    [[nodiscard]] const std::vector<std::string>& values(Axis axis) const {
        return axes[static_cast<std::size_t>(axis)];
    }
    [[nodiscard]] std::vector<Axis> varied() const;  // those with two values or more
};

struct BuiltinGrid {
    std::string_view name;
    std::string_view toml;
};
const std::vector<BuiltinGrid>& builtin_grids();

// Throws UsageError, naming the place ("file:line:column: problem (why) what to do"), for unknown keys (with the
// nearest known one), wrong types, values that an axis does not have, and views of another size than the input.
Grid parse_grid(std::string_view toml, std::string_view source);
// A built-in name or a path to a .toml file.
Grid load_grid(const std::string& name_or_path);

// All combinations, the first axis slowest, but seeds slowest of all: a first seed is whole before the second begins.
std::vector<Cell> cells_of(const Grid& grid);

// The view of a cell: SIZE stands for input_px.
ViewSpec view_of(const Cell& cell);

// Heads as make_heads() takes them: the words of the text.
std::vector<std::string> heads_of(const std::string& labels);

// "view downsample:max:SIZE, seed 2": the varied axes alone.
std::string cell_name(const Grid& grid, const Cell& cell);

}  // namespace braggbench
