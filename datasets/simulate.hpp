// One image of a recipe with everything a person wants to look at, written into a directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "datasets/corpus.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

struct SimulatedImage {
    CorpusRecord record;
    std::vector<std::filesystem::path> files;  // what was written
};

// Image `index` of the recipe's corpus, the same bytes as generate() makes. Writes image.png (16 bit), image.h5 (a
// corpus of one), image_001.img (SMV, if the detector is one panel; dxtbx wants a number in the name), peaks.csv (the
// listed peaks), picture.png (8 bit, to look at) and overlay.png (twice as large, visible peaks circled) into
// `directory`, creating it. Throws UsageError if the recipe has no such image, DataError if it cannot write.
SimulatedImage simulate(const Recipe& recipe, std::int64_t index, const std::filesystem::path& directory);

}  // namespace braggbench
