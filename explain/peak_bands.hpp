// Peaks by how strong and how far out they are, so that a map's scores can be read against both: bands of
// signal-to-noise and shells of resolution. Truth and nulls are divided by the same rule, so that chance stays what it
// is. docs/localisation.md lists them.
#pragma once

#include <array>
#include <limits>
#include <span>
#include <vector>

#include "simulator/peak.hpp"

namespace braggbench {

struct PeakBand {
    const char* quantity;  // "snr" or "d_A"
    float Peak::*member;
    float low;   // included
    float high;  // not included
};

// Visible peaks begin at 5. Peaks of foreign lists have neither quantity: both are 0, which is in no band.
inline constexpr std::array<PeakBand, 9> peak_bands = {
    {{"snr", &Peak::snr, visible_peak_min_snr, 10.0F},
     {"snr", &Peak::snr, 10.0F, 30.0F},
     {"snr", &Peak::snr, 30.0F, 100.0F},
     {"snr", &Peak::snr, 100.0F, std::numeric_limits<float>::infinity()},
     {"d_A", &Peak::d_A, 8.0F, std::numeric_limits<float>::infinity()},
     {"d_A", &Peak::d_A, 5.0F, 8.0F},
     {"d_A", &Peak::d_A, 3.5F, 5.0F},
     {"d_A", &Peak::d_A, 2.5F, 3.5F},
     {"d_A", &Peak::d_A, 0.0F, 2.5F}}};

std::vector<Peak> in_band(std::span<const Peak> peaks, const PeakBand& band);

}  // namespace braggbench
