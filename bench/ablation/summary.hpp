// The result of a grid as one JSON object (docs/ablation.md): scores of every cell, what each axis does to them, costs,
// what was the same throughout.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "bench/ablation/cell_result.hpp"
#include "bench/ablation/grid.hpp"

namespace braggbench {

// `cells` are all of the grid, in the order of cells_of(). The same cells give the same object. Throws DataError as
// held_json() does, and if cells answer different images.
nlohmann::json ablation_json(const Grid& grid, const std::vector<CellResult>& cells, unsigned threads = 0);

}  // namespace braggbench
