// A plain spot finder: local maxima that stand out of the ring around them. Positions in pixels from the outer corner
// of pixel (0, 0). The simplest of its kind, after the sums over a box and a surrounding ring of classical integration
// (Leslie 1999, Acta Cryst. D55, 1696): a baseline, not a rival of DIALS or peakfinder8.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

struct Spot {
    double fast_px = 0.0;  // centroid of the 3 x 3 box
    double slow_px = 0.0;
    double photons = 0.0;  // above background
    double snr = 0.0;
};

struct SpotFinderOptions {
    double min_snr = 6.0;
};

// A spot is a pixel that no pixel of its 3 x 3 box exceeds, 3 sigma above the mean of the 40 pixels between the 3 x 3
// and the 7 x 7 box, where the box, weighted by a profile 2 px wide (King 1983, PASP 95, 163), stands out by min_snr.
// Sigma is the ring's spread, at least that of Poisson noise and at least one photon, which keeps lone photons on an
// empty detector from counting. Pixels with valid == 0 take no part, and no spot has one in its box. `valid` may be
// empty (all valid); UsageError if its size differs.
std::vector<Spot> find_spots(const Image<float>& photons, const Image<std::uint8_t>& valid,
                             const SpotFinderOptions& options = {});

}  // namespace braggbench
