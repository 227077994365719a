#include "explain/peak_bands.hpp"

#include <algorithm>
#include <iterator>

namespace braggbench {

std::vector<Peak> in_band(std::span<const Peak> peaks, const PeakBand& band) {
    std::vector<Peak> kept;
    std::copy_if(peaks.begin(), peaks.end(), std::back_inserter(kept), [&band](const Peak& peak) {
        const float value = peak.*band.member;
        return value > 0.0F && value >= band.low && value < band.high;
    });
    return kept;
}

}  // namespace braggbench
