// What one cell of a grid came to, as a file: answers and truth of every test image, so that any score can be made of
// it later, beside what it cost and what had to be the same in all cells.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/ablation/grid.hpp"
#include "classifiers/heads.hpp"

namespace braggbench {

// Part of every cell's hash; a new number where what a cell does has changed.
inline constexpr int cell_format = 1;

struct CellResult {
    Cell cell;
    std::string hash;  // of all that decides the answers
    std::string view;  // with its size
    std::vector<Head> heads;
    std::vector<std::int64_t> images;  // of the test split, in the corpus
    // A row per image: Predictions::scores, and targets_of() with what is not known as unknown_target.
    std::vector<std::vector<float>> scores;
    std::vector<std::vector<float>> truth;
    nlohmann::json held;          // quantities of held_rules(), by name
    nlohmann::json cost;          // time and arithmetic
    nlohmann::json training;      // epochs, the best of them
    nlohmann::json support;       // per label, of how many test images the views still show what it says
    nlohmann::json localisation;  // null without
    nlohmann::json provenance;
};

nlohmann::json to_json(const CellResult& result);
// Throws DataError if it is no such file.
CellResult read_cell(const std::filesystem::path& path);
void write_cell(const std::filesystem::path& path, const CellResult& result);

// What must be the same in cells that agree in some axes.
struct HeldRule {
    const char* name;  // a key of CellResult::held
    const char* words;
    std::vector<Axis> follows;  // the axes that may change it
};
const std::vector<HeldRule>& held_rules();

// For every rule its value, or its values by the axes that it follows. Throws DataError, naming two cells, if something
// differs that no axis accounts for.
nlohmann::json held_json(const std::vector<CellResult>& cells);

}  // namespace braggbench
