// How well a saliency map finds the true peaks, beside what chance gives. Definitions, chance levels and reasons:
// docs/localisation.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "explain/peak_targets.hpp"
#include "explain/ranked_map.hpp"
#include "simulator/image.hpp"

namespace braggbench {

struct LocalisationOptions {
    double radius_px = 2.0;                // of a peak's disc, in the view's pixels, for make_targets()
    double top_share = 0.05;               // q of peak recall
    std::vector<double> other_radii_px{};  // further radii that MapScorer scores at
};

struct LocalisationScores {
    // All scores are absent where localisation is undefined: no peaks, no nulls, or a map that is not `ok`.
    MapStatus status = MapStatus::ok;
    std::optional<double> mass, lift;         // chance: rho, 1
    std::optional<double> slift, slift_p;     // chance 1; permutation p
    std::optional<double> sauc;               // chance 0.5
    std::optional<double> average_precision;  // chance rho
    std::optional<double> rank_accuracy;      // precision of the |M| highest pixels; chance rho
    std::optional<double> nss;                // normalised scanpath saliency, of the signed map; chance 0
    std::optional<double> pointing;           // share of the map's maxima that lie on M; chance rho
    std::optional<double> peak_recall,
        peak_recall_chance;                  // share of peaks whose disc holds a top-q pixel; nulls' mean
    std::optional<double> oracle_slift;      // set by add_ceiling
    std::optional<double> ceiling_fraction;  // ln sLift / ln oracle; absent if the oracle < 1.5
    double rho = 0.0;                        // share of valid pixels in the mask
    std::int64_t mask_pixels = 0;
    // sLift of each null mask against the other nulls, ascending: what sLift scatters to by chance on this map.
    std::vector<double> null_slift;
};

// `nulls` are the targets of other images of the same class and geometry. Throws UsageError if sizes differ.
LocalisationScores score_map(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                             const LocalisationOptions& options);
// `map` is at the input's size and may be signed: its positive part is scored, on the pixels where `valid` is 1.
LocalisationScores score_map(const Image<float>& map, const Mask& valid, const PeakTargets& truth,
                             std::span<const PeakTargets> nulls, const LocalisationOptions& options);

// The same scores of some of the peaks, of which only those that need no ranking are made: sLift and peak recall.
LocalisationScores score_some_peaks(const RankedMap& map, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                                    const LocalisationOptions& options);

// The level of chance: the scores that a constant map has, all its pixels tied. score_map() leaves those undefined.
LocalisationScores score_uniform_map(const Mask& valid, const PeakTargets& truth, std::span<const PeakTargets> nulls,
                                     const LocalisationOptions& options);

// Sets oracle_slift and ceiling_fraction from the score of oracle_map() at the map's grid.
void add_ceiling(LocalisationScores& scores, const LocalisationScores& oracle);

// An oracle below this finds the peaks hardly better than chance, and the fraction of its logarithm means nothing.
inline constexpr double minimum_oracle_slift = 1.5;

}  // namespace braggbench
