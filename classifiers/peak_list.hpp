// The peak list of any spot finder: its positions, and as a classifier of hits (so many peaks or more are a hit, the
// number chosen on the validation images).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "classifiers/predictions.hpp"
#include "classifiers/score_peaks.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Peaks of each image of the corpus: of a CSV file the lines of each `image` (as `find-peaks CORPUS` writes them;
// images without lines have none), of a CXI file /entry_1/result_1/nPeaks, of CrystFEL's .stream the peaks of its
// search. Throws DataError, naming the line, for what is none of these, another corpus' number of images, images that
// the corpus does not have, and lists of several files.
std::vector<std::int64_t> read_peak_counts(const std::filesystem::path& path, const CorpusReader& corpus);

// The same with where they are: columns fast_px and slow_px, peakXPosRaw and peakYPosRaw (which count from a pixel's
// centre), or fs and ss. Also throws for what is no number and for places off the image.
std::vector<std::vector<PixelPosition>> read_peak_positions(const std::filesystem::path& path,
                                                            const CorpusReader& corpus);

// Head "hit". The threshold has the highest balanced accuracy on the validation split, the lowest of equals; the
// probability of a hit is n / (n + threshold - 1/2), which rises with the peaks and passes 1/2 there. Throws UsageError
// if the corpus does not know hits, or its validation split has not both hits and misses.
Predictions hits_by_peak_count(const std::string& name, std::span<const std::int64_t> counts,
                               const CorpusReader& corpus, Split split);

}  // namespace braggbench
