// Spot finders as hit classifiers: an image is a hit if it has at least so many peaks, a number chosen on the
// validation split. Images are read as `find-peaks` reads the corpus' file: photons by its gain and offset, its pixel
// mask, and for peakfinder8's rings the one beam centre the file has, which is the mean of the images', not each
// image's own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/find_peaks.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Peaks of each image.
std::vector<int> count_peaks(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                             const FindPeaksOptions& options, unsigned threads, const ClassicalProgress& progress);

struct PeakCountRule {
    int threshold = 1;       // a hit has at least so many peaks
    double steepness = 1.0;  // of the probability
    double balanced_accuracy = 0.0;

    // Of a hit: 1 / (1 + ((threshold + 1/2) / (count + 1))^steepness), which rises with the count and is above 1/2
    // exactly where count >= threshold.
    [[nodiscard]] double probability(int count) const;
};

// The threshold of the highest balanced accuracy on these images (truth: 1 = hit), in the middle of its stretch if
// neighbouring ones do as well; then the steepness of the highest likelihood. Throws UsageError unless there are hits
// and misses.
PeakCountRule fit_peak_count_rule(std::span<const int> counts, std::span<const int> truth);

}  // namespace braggbench
