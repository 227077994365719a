// Found peaks against true ones: precision, recall and F1, beside what as many peaks strewn at random would score.
// Positions in pixels from the outer corner of pixel (0, 0).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "classifiers/found_peak.hpp"
#include "classifiers/metric.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

struct PixelPosition {
    double fast_px = 0.0;
    double slow_px = 0.0;
};

// Counts of one image; those of several add up.
struct PeakMatches {
    std::int64_t found = 0;
    std::int64_t truth = 0;
    std::int64_t matched = 0;
    double expected_by_chance = 0.0;
    PeakMatches& operator+=(const PeakMatches& other);
};

struct PeakPair {
    std::size_t found = 0;
    std::size_t truth = 0;
    double distance_px = 0.0;
};

// Pairs a found peak with a true one, closest pairs first, each at most once, no further than radius_px apart. Throws
// UsageError unless radius_px > 0.
std::vector<PeakPair> pair_peaks(std::span<const PixelPosition> found, std::span<const PixelPosition> truth,
                                 double radius_px);

// That any of so many points, strewn uniformly over valid_pixels (the image's usable area), lies within radius_px of a
// point further than that from the edges: 1 - (1 - pi r^2 / valid_pixels)^strewn. Throws UsageError unless
// valid_pixels >= 1.
double chance_of_a_match(std::int64_t strewn, double radius_px, std::int64_t valid_pixels);

// The pairs counted. By chance as many found peaks, strewn at random, would meet truth x chance_of_a_match(found) true
// ones, if those are further apart than 2 r.
PeakMatches match_peaks(std::span<const PixelPosition> found, std::span<const PixelPosition> truth, double radius_px,
                        std::int64_t valid_pixels);

// Precision: matched / found. Recall: matched / truth. F1 = 2 matched / (found + truth). Intervals: Wilson's, for F1 of
// the Jaccard index J = matched / (found + truth - matched), as F1 = 2 J / (1 + J). Undefined without found peaks,
// without true ones, without either.
struct PeakScores {
    Metric precision;
    Metric recall;
    Metric f1;
    PeakMatches matches;
};
PeakScores peak_scores(const PeakMatches& matches);

// One image's peaks against its visible true ones.
PeakScores score_peaks(std::span<const FoundPeak> found, std::span<const Peak> truth, double radius_px,
                       std::int64_t valid_pixels);

}  // namespace braggbench
