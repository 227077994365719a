#include "explain/substrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "explain/random_stages.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

float median_of(std::vector<float>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

Substrate make_substrate(const Image<float>& photons, const Mask& valid, const PeakTargets& peaks, double beam_fast_px,
                         double beam_slow_px, std::uint64_t seed, std::uint64_t image_index) {
    if (valid.width != photons.width || valid.height != photons.height || peaks.width_px != photons.width ||
        peaks.height_px != photons.height) {
        throw UsageError(
            fmt::format("an image of {} x {} px with peaks or a mask of another size (nothing can be put "
                        "in their place). Bring them to one view.",
                        photons.width, photons.height));
    }
    const auto ring_of = [&](int fast, int slow) {
        return static_cast<std::size_t>(std::hypot(fast + 0.5 - beam_fast_px, slow + 0.5 - beam_slow_px));
    };
    const Mask on_peak = to_mask(peaks);
    std::vector<std::vector<float>> background;
    std::vector<std::vector<float>> all;
    for (int slow = 0; slow < photons.height; ++slow) {
        for (int fast = 0; fast < photons.width; ++fast) {
            if (valid(fast, slow) == 0) continue;
            const std::size_t ring = ring_of(fast, slow);
            if (ring >= all.size()) {
                all.resize(ring + 1);
                background.resize(ring + 1);
            }
            all[ring].push_back(photons(fast, slow));
            if (on_peak(fast, slow) == 0) background[ring].push_back(photons(fast, slow));
        }
    }
    std::vector<float> medians(all.size());
    for (std::size_t ring = 0; ring < all.size(); ++ring) {
        if (background[ring].empty()) background[ring] = all[ring];
        if (!all[ring].empty()) medians[ring] = median_of(all[ring]);
    }

    RandomStream random(seed, image_index, stage_substrate);
    Substrate substrate{photons, photons};
    for (int slow = 0; slow < photons.height; ++slow) {
        for (int fast = 0; fast < photons.width; ++fast) {
            if (valid(fast, slow) == 0) continue;
            const std::size_t ring = ring_of(fast, slow);
            const std::uint64_t scaled = std::uint64_t{random.bits()} * background[ring].size();
            substrate.median(fast, slow) = medians[ring];
            substrate.noisy(fast, slow) = background[ring][static_cast<std::size_t>(scaled >> 32)];
        }
    }
    return substrate;
}

Image<float> without(Image<float> photons, const PeakTargets& targets, const Image<float>& substrate) {
    for (const std::uint32_t pixel : targets.pixels) photons.pixels.at(pixel) = substrate.pixels.at(pixel);
    return photons;
}

}  // namespace braggbench
