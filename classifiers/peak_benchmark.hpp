// Lists of peaks, whoever found them, beside the true peaks of a corpus: precision, recall and F1 as a whole and by
// signal-to-noise, resolution, spot size, background and class, each with interval and chance (docs/peak-finders.md).
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "classifiers/find_peaks.hpp"
#include "classifiers/score_peaks.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct PeakContestant {
    std::string name;
    std::vector<std::vector<PixelPosition>> peaks;  // of every image of the corpus, in its order
    std::optional<double> images_per_s;             // reading them included
};

// Peaks of all images of the corpus by one of our finders, and how fast. `progress(done, total)` counts images.
PeakContestant run_peak_finder(const CorpusReader& corpus, const FindPeaksOptions& options, unsigned threads,
                               const std::function<void(std::int64_t, std::int64_t)>& progress);

struct PeakBenchmarkOptions {
    double radius_px = 2.0;
    // True peaks that are not visible, from this signal-to-noise ratio on: whoever finds one is neither right nor
    // wrong.
    float faint_from_snr = 3.0F;
    std::uint64_t seed = 1;  // of the resamples
};

// What each image adds to a finder's scores; sums of them over images are the scores.
struct ImagePeakCounts {
    std::int64_t found = 0;    // that are visible peaks or nothing; those of faint ones are left out
    std::int64_t truth = 0;    // visible
    std::int64_t matched = 0;  // pairs no further apart than the radius
    std::int64_t faint = 0;    // found peaks that are faint ones
};
std::vector<ImagePeakCounts> count_image_peaks(const CorpusReader& corpus, const PeakContestant& contestant,
                                               const PeakBenchmarkOptions& options);

// {"command": "score-peaks", ..., "finders": [...]}; docs/results.md. Intervals are of images resampled within their
// classes, since the peaks of one image share its fate. Throws UsageError for a corpus whose true peaks nobody knows.
nlohmann::json score_peak_lists(const CorpusReader& corpus, std::span<const PeakContestant> contestants,
                                const PeakBenchmarkOptions& options);

}  // namespace braggbench
