// Spot finders as hit classifiers: an image is a hit if it has at least so many peaks, a number chosen on the
// validation split. Images are read as `find-peaks` reads the corpus' file: photons by its gain and offset, its pixel
// mask, and for peakfinder8's rings the one beam centre the file has, which is the mean of the images', not each
// image's own.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/find_peaks.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Peaks of each image by each of the finders: result[f][i].
std::vector<std::vector<int>> count_peaks(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                          std::span<const FindPeaksOptions> finders, unsigned threads,
                                          const ClassicalProgress& progress);

// The thresholds in photons among which the validation split chooses where none is given. Where read-out noise is not
// small beside that of photons, the finders' own default of 0 lets it pass for peaks.
inline constexpr std::array threshold_choices = {0.0, 2.0, 5.0, 10.0, 20.0};

struct PeakCountRule {
    int threshold = 1;               // a hit has at least so many peaks
    double steepness = 1.0;          // of the probability
    double balanced_accuracy = 0.0;  // on the images it was fitted to
    double log_loss = 0.0;           // of them, per image

    // Of a hit: 1 / (1 + ((threshold + 1/2) / (count + 1))^steepness), which rises with the count and is above 1/2
    // exactly where count >= threshold.
    [[nodiscard]] double probability(int count) const;
};

// The threshold of the highest balanced accuracy on these images (truth: 1 = hit), in the middle of its stretch if
// neighbouring ones do as well; then the steepness of the highest likelihood. Throws UsageError unless there are hits
// and misses.
PeakCountRule fit_peak_count_rule(std::span<const int> counts, std::span<const int> truth);

}  // namespace braggbench
