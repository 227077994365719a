// Model files of every kind behind one call: networks of the zoo, TorchScript, classical models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// What the model in that file says of a split. Throws what loading and predicting it throw.
Predictions predict_with_file(const std::filesystem::path& path, const CorpusReader& corpus, Split split,
                              const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
