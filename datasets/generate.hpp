// From a recipe to a corpus file, on any number of threads; the bytes do not depend on the number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "datasets/corpus.hpp"
#include "labels/draw.hpp"
#include "labels/models.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

// Image `index` of the corpus alone: the same record that generate() writes.
CorpusRecord make_record(const Recipe& recipe, const Assignment& assignment, std::int64_t index, const Models& models);

// What the corpus file says of itself; the recipe must be valid.
CorpusInfo corpus_info(const Recipe& recipe);

// `progress(done, total)` is called from one thread after each image. Throws what load_structure_factors() and
// CorpusWriter throw; nothing is left at `path` unless all images are in it.
void generate(const Recipe& recipe, const std::filesystem::path& path, int threads,
              const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
