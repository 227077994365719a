// A whole grid: corpora made, cells run or read, each result written whole under a hash of what decides it, so that a
// run that was broken off goes on where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/ablation/cell_result.hpp"
#include "bench/ablation/grid.hpp"

namespace braggbench {

struct AblateOptions {
    std::filesystem::path directory;
    int threads = 0;
};

struct AblateCalls {
    // `part` is a cell or a corpus, `what` is done to it.
    std::function<void(const std::string& part, const std::string& what, std::int64_t done, std::int64_t total)>
        progress;
    std::function<void(const std::string&)> note;
    // After each cell: those done, run just now among them, and all.
    std::function<void(const CellResult& cell, std::size_t done, std::size_t run_now, std::size_t cells)> on_cell;
};

// All cells, in the order of cells_of(). Throws what run_cell() and generate() throw, and UsageError for models and
// sizes that cannot be, before anything is trained.
std::vector<CellResult> run_grid(const Grid& grid, const AblateOptions& options, const AblateCalls& calls);

// {"cells": [{"name", "view", "hash", "done", "seconds"}], "corpora": [{"path", "images", "made", "seconds",
//  "bytes"}], "seconds", "bytes"}: what run_grid() would still do. Times are measured on a few images
// and steps; maps are not counted.
nlohmann::json plan_grid(const Grid& grid, const AblateOptions& options);

}  // namespace braggbench
