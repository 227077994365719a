// The images of a grid: corpora made from its recipes, one for each native size, kept under a hash of the recipe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "bench/ablation/grid.hpp"
#include "datasets/corpus.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

// The same scenes on a detector of the same size in millimetres with so many pixels along its fast axis: pixels, beam
// centre and height go along. What is counted per pixel (read-out noise, gain, saturation, point spread) stays. 0 = the
// recipe as it is. Throws UsageError for a detector preset, whose pixels are what they are.
Recipe at_native_size(Recipe recipe, int native_px);

struct GridCorpus {
    std::filesystem::path path;
    std::string key;  // of its content
    Recipe recipe;    // where it is made from one
    bool made = false;
};

// Where the images of the grid with this native size are, or will be, below `directory`.
GridCorpus corpus_of(const Grid& grid, int native_px, const std::filesystem::path& directory);
GridCorpus transfer_corpus_of(const Grid& grid, const std::filesystem::path& directory);

// Generates it unless it is there.
void require_made(const GridCorpus& corpus, int threads,
                  const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
