#include "classifiers/zoo/input.hpp"

#include <cmath>

namespace braggbench {

torch::Tensor root_of_photons(const torch::Tensor& photons) {
    constexpr double anscombe = 0.375;
    constexpr double brightest = 255.0 * 255.0;
    return torch::sqrt(torch::clamp(photons, 0.0, brightest) + anscombe) - std::sqrt(anscombe);
}

torch::Tensor local_contrast(const torch::Tensor& photons, int box_px) {
    // The variance of one photon among the 25 pixels of a box is 0.04: this floor alters no image of counts.
    constexpr double smallest_variance = 0.01;
    const auto box_mean = [&](const torch::Tensor& x) {
        return torch::avg_pool2d(x, box_px, 1, box_px / 2, false, false);
    };
    // In double precision: the difference of two squares of 65535 has no correct digit in single.
    const auto x = photons.to(torch::kFloat64);
    const auto mean = box_mean(x);
    const auto variance = torch::clamp_min(box_mean(x * x) - mean * mean, smallest_variance);
    return ((x - mean) / torch::sqrt(variance)).to(torch::kFloat32);
}

torch::Tensor scaled_by_maximum(const torch::Tensor& photons) {
    const auto positive = torch::clamp_min(photons, 0.0);
    return positive / torch::clamp_min(positive.amax({1, 2, 3}, true), 1.0);
}

}  // namespace braggbench
