#include "simulator/peak.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace braggbench {

float signal_to_noise(const Peak& peak, double read_noise_rms_photons) {
    const double signal = peak.photons;
    if (!(signal > 0)) return 0.0F;
    const double determinant = static_cast<double>(peak.var_fast_px2) * static_cast<double>(peak.var_slow_px2) -
                               static_cast<double>(peak.cov_px2) * static_cast<double>(peak.cov_px2);
    const double area_px = 4.0 * std::numbers::pi * std::sqrt(std::max(determinant, 0.0));
    const double noise_per_px =
        static_cast<double>(peak.background_photons) + read_noise_rms_photons * read_noise_rms_photons;
    return static_cast<float>(signal / std::sqrt(signal + area_px * noise_per_px));
}

}  // namespace braggbench
