// What the pixels and peaks of a corpus add up to: numbers of each image, and histograms and radial profiles of each
// class and attribute. Pixels flagged in the file's pixel_mask are left out. Values in ADU as stored, s = 1/d in 1/A.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"

namespace braggbench {

// Over the valid pixels; NaN where there are none.
struct ImageStatistics {
    double total_adu = 0.0;
    double mean_adu = 0.0;
    double median_adu = 0.0;
    double sigma_adu = 0.0;
    double max_adu = 0.0;
    double p01_adu = 0.0;  // the values that 1 and 99 % of the pixels don't exceed
    double p99_adu = 0.0;
    double corners_adu = 0.0;  // median of four squares of an eighth of the shorter side: what lies far from the beam
    double edges_adu = 0.0;    // median of a frame of a thirty-second of it
    double saturated_px = 0.0;
    double stored_bytes = 0.0;   // of the compressed image in the file; NaN if it isn't stored in one piece
    double visible_peaks = 0.0;  // NaN where peaks are unknown
    double median_snr = 0.0;     // of the visible peaks; NaN without
};

// Sums over the images of one class, or with an attribute or without it. Whole numbers, so that they don't depend on
// the order of the images.
struct PixelSums {
    std::string name;
    std::int64_t images = 0;
    std::vector<std::uint64_t> histogram;      // pixels per bin of CorpusStatistics::bin_edges_adu
    std::vector<std::uint64_t> radial_adu;     // sum of the values per bin of s
    std::vector<std::uint64_t> radial_pixels;  // pixels per bin of s
    std::vector<std::uint64_t> peaks_by_snr;   // visible peaks per bin of CorpusStatistics::snr_edges
};

struct CorpusStatistics {
    std::vector<ImageStatistics> images;
    std::vector<int> bin_edges_adu;  // bin b holds values in [edge b, edge b + 1); four per octave
    std::vector<double> snr_edges;   // the same; the last bin is open
    double s_max_invA = 0.0;         // radial bins are equal steps from 0 to here
    std::vector<PixelSums> classes;
    std::vector<PixelSums> with_attribute;  // in the order of the labels
    std::vector<PixelSums> without_attribute;
};

inline constexpr int radial_bins = 96;

// Reads every image once, on `threads` threads; memory does not grow with the images' number but for ImageStatistics.
// `progress(done, total)` is never called twice at once. Throws DataError for an image that cannot be read.
CorpusStatistics corpus_statistics(const CorpusReader& corpus, int threads,
                                   const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
