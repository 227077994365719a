// One cell of a grid: its network trained, asked about the test split, and what that cost.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "bench/ablation/cell_result.hpp"
#include "bench/ablation/grid.hpp"
#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// What is done, the images it has dealt with and will in all.
using CellProgress = std::function<void(const std::string& what, std::int64_t done, std::int64_t total)>;

struct CellJob {
    const Grid& grid;
    Cell cell;
    const CorpusReader& corpus;
    std::string hash;                  // of the result
    std::filesystem::path checkpoint;  // written while it learns, and gone on from if it is there
    std::filesystem::path init;        // the model whose weights it begins with; empty = none
    int threads = 0;
};

// The settings of the grid with those that the axes decide, without paths.
TrainOptions cell_options(const Grid& grid, const Cell& cell);

// The same inputs and number of threads give the same answers, in one run or several. Throws what train() and
// evaluate_corpus() throw, and UsageError for a training size above the train split.
CellResult run_cell(const CellJob& job, const CellProgress& progress);

// What transfer and frozen cells begin with: the cell's model and view on the grid's transfer recipe, all of its train
// split, truth of the image, no balance.
TrainedModel pretrain(const CellJob& job, const CellProgress& progress);

// The train images of a size and a seed: the first of all in an order that the seed draws; ascending. Throws UsageError
// if there are not so many.
std::vector<std::int64_t> training_images(const CorpusReader& corpus, int size, std::uint64_t seed);

}  // namespace braggbench
