// How well a saliency map finds the true peaks, beside what chance gives. Positions in pixels from the outer corner of
// pixel (0, 0). Definitions, chance levels and reasons: docs/localisation.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

using Mask = Image<std::uint8_t>;

// 1 within radius_px of the centre of a visible peak (a disc on pixel centres; the pixel that holds the centre is
// always part of it, so that radius 0 is that pixel).
Mask peak_mask(std::span<const Peak> peaks, int width_px, int height_px, double radius_px);

// The visible peaks of one image as scoring needs them: pixel indices (slow * width + fast) instead of dense masks.
struct PeakTargets {
    int width_px = 0;
    int height_px = 0;
    std::vector<std::uint32_t> pixels;              // union of the discs, ascending
    std::vector<std::vector<std::uint32_t>> discs;  // one per visible peak that lies on the image
};

PeakTargets make_targets(std::span<const Peak> peaks, int width_px, int height_px, double radius_px);
Mask to_mask(const PeakTargets& targets);

struct LocalisationOptions {
    double radius_px = 2.0;   // of a peak's disc, in the view's pixels, for make_targets()
    double top_share = 0.05;  // q of peak recall
};

struct LocalisationScores {
    // All scores are absent where localisation is undefined: no peaks, no nulls, or a map without positive part
    // (zero_map).
    bool zero_map = false;
    std::optional<double> mass, lift;         // chance: rho, 1
    std::optional<double> slift, slift_p;     // chance 1; permutation p
    std::optional<double> sauc;               // chance 0.5
    std::optional<double> average_precision;  // chance rho
    std::optional<double> peak_recall,
        peak_recall_chance;                  // share of peaks whose disc holds a top-q pixel; nulls' mean
    std::optional<double> oracle_slift;      // set by add_ceiling
    std::optional<double> ceiling_fraction;  // ln sLift / ln oracle; absent if the oracle < 1.5
    double rho = 0.0;                        // share of valid pixels in the mask
    std::int64_t mask_pixels = 0;
    // sLift of each null mask against the other nulls, ascending: what sLift scatters to by chance on this map.
    std::vector<double> null_slift;
};

// `map` is at the input's size and may be signed: its positive part is scored, on the pixels where `valid` is 1.
// `nulls` are the targets of other images of the same class and geometry. Throws UsageError if sizes differ, DataError
// if the map is not finite.
LocalisationScores score_map(const Image<float>& map, const Mask& valid, const PeakTargets& truth,
                             std::span<const PeakTargets> nulls, const LocalisationOptions& options);

// Sets oracle_slift and ceiling_fraction from the score of oracle_map() at the map's grid.
void add_ceiling(LocalisationScores& scores, const LocalisationScores& oracle);

// An oracle below this finds the peaks hardly better than chance, and the fraction of its logarithm means nothing.
inline constexpr double minimum_oracle_slift = 1.5;

}  // namespace braggbench
