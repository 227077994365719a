// A recipe as an endless source of images, reproducible and never written: `stream:RECIPE`.
#pragma once

#include <cstdint>

#include "datasets/generate.hpp"

namespace braggbench {

// A stream comes in blocks of the recipe's image_count, numbered from 0. Each block is a corpus of the recipe with a
// seed of its own, so that class shares hold in every block, no block is the corpus that `generate` makes, and no image
// comes twice. All of its images are for training. `corpus` is the recipe itself, whose models the block shares.
RecipeSource stream_block(const RecipeSource& corpus, std::uint64_t number);

}  // namespace braggbench
