// The peak list of any spot finder as a classifier of hits: so many peaks or more are a hit, the number chosen on the
// validation images.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Peaks of each image of the corpus: of a CSV file the lines of each `image` (as `find-peaks CORPUS` writes them;
// images without lines have none), of a CXI file /entry_1/result_1/nPeaks. Throws DataError, naming the line, for what
// is neither, another corpus' number of images, images that the corpus does not have, and lists of several files.
std::vector<std::int64_t> read_peak_counts(const std::filesystem::path& path, const CorpusReader& corpus);

// Head "hit". The threshold has the highest balanced accuracy on the validation split, the lowest of equals; the
// probability of a hit is n / (n + threshold - 1/2), which rises with the peaks and passes 1/2 there. Throws UsageError
// if the corpus does not know hits, or its validation split has not both hits and misses.
Predictions hits_by_peak_count(const std::string& name, std::span<const std::int64_t> counts,
                               const CorpusReader& corpus, Split split);

}  // namespace braggbench
