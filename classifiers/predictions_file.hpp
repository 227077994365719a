// Anybody's predictions as a file, CSV or HDF5 (docs/predictions.md), so that a model that does not run here is scored
// like those that do.
#pragma once

#include <filesystem>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// CSV, or HDF5 if it begins as such a file does. In the order of the corpus' split, whatever the file's; images of
// other splits are passed over. The model is called as the file is. Throws DataError, naming the file and the line or
// row, for columns or names that the corpus does not have, images it does not have, given twice or missing, and scores
// that are not numbers or no probabilities.
Predictions read_predictions(const std::filesystem::path& path, const CorpusReader& corpus, Split split = Split::test);

// By the path's ending, .csv, .h5 or .hdf5; reading it gives the same scores to the last bit. Throws UsageError for
// another ending (which the second alone looks at, for jobs that run long before they write), DataError if it cannot be
// written.
void write_predictions(const std::filesystem::path& path, const Predictions& predictions);
void require_predictions_ending(const std::filesystem::path& path);

}  // namespace braggbench
