// Deletion and insertion (Petsiuk et al. 2018, arXiv 1806.07421): how fast a score falls when pixels are removed in a
// map's order, and rises when they come back. docs/explanations.md.
#pragma once

#include <array>
#include <cstdint>

#include "explain/attribution/black_box.hpp"
#include "explain/localisation.hpp"

namespace braggbench {

// Shares of the valid pixels that are removed or inserted. Peaks are a hundredth of an image: steps are even on a
// logarithmic axis, on which a linear one's first step would hold all that matters.
inline constexpr std::array<double, 7> curve_shares = {0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0};

struct CurveAreas {
    double deletion = 0.0;   // mean score over the logarithm of the share removed: low for a map that knows
    double insertion = 0.0;  // mean score over the logarithm of the share inserted: high for a map that knows
};

// Valid pixels in descending order of the signed map, tied ones in random order keyed by `seed`; removed ones show the
// substrate. Throws UsageError if sizes differ.
CurveAreas deletion_and_insertion(const Image<float>& map, const Image<float>& photons, const Image<float>& substrate,
                                  const Mask& valid, const ScoreFunction& score, std::uint64_t seed);

}  // namespace braggbench
