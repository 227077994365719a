#include "explain/inside/spot_recall.hpp"

#include <algorithm>

namespace braggbench {
namespace {

constexpr int reach_px = 3;

bool is_highest(const Image<float>& picture, int fast, int slow) {
    const float value = picture(fast, slow);
    bool above_one = false;
    for (int s = std::max(0, slow - 1); s <= std::min(picture.height - 1, slow + 1); ++s) {
        for (int f = std::max(0, fast - 1); f <= std::min(picture.width - 1, fast + 1); ++f) {
            if (picture(f, s) > value) return false;
            above_one = above_one || picture(f, s) < value;
        }
    }
    return above_one;
}

double above_surroundings(const Image<float>& picture, int fast, int slow) {
    double sum = 0.0;
    int pixels = 0;
    for (int s = std::max(0, slow - reach_px); s <= std::min(picture.height - 1, slow + reach_px); ++s) {
        for (int f = std::max(0, fast - reach_px); f <= std::min(picture.width - 1, fast + reach_px); ++f) {
            sum += picture(f, s);
            ++pixels;
        }
    }
    return picture(fast, slow) - sum / pixels;
}

double share_hit(const PeakTargets& targets, const std::vector<bool>& spot) {
    const auto hit = std::ranges::count_if(targets.discs, [&spot](const std::vector<std::uint32_t>& disc) {
        return std::ranges::any_of(disc, [&spot](std::uint32_t pixel) { return spot[pixel]; });
    });
    return static_cast<double>(hit) / static_cast<double>(targets.discs.size());
}

}  // namespace

std::vector<std::uint32_t> strongest_spots(const Image<float>& picture, const Image<std::uint8_t>& valid,
                                           std::size_t count) {
    struct Spot {
        double height;
        std::uint32_t pixel;
    };
    std::vector<Spot> spots;
    for (int slow = 0; slow < picture.height; ++slow) {
        for (int fast = 0; fast < picture.width; ++fast) {
            const auto pixel = picture.index(fast, slow);
            if (valid.pixels[pixel] == 0 || !is_highest(picture, fast, slow)) continue;
            spots.push_back({above_surroundings(picture, fast, slow), static_cast<std::uint32_t>(pixel)});
        }
    }
    std::ranges::stable_sort(spots, std::greater<>(), &Spot::height);
    spots.resize(std::min(spots.size(), count));
    std::vector<std::uint32_t> pixels;
    for (const Spot& spot : spots) pixels.push_back(spot.pixel);
    return pixels;
}

std::optional<SpotRecall> spot_recall(const Image<float>& picture, const Image<std::uint8_t>& valid,
                                      const TargetSet& targets) {
    if (targets.truth.discs.empty()) return std::nullopt;
    std::vector<bool> spot(picture.size());
    for (const std::uint32_t pixel : strongest_spots(picture, valid, targets.truth.discs.size())) spot[pixel] = true;
    SpotRecall result{share_hit(targets.truth, spot), {}};
    for (const PeakTargets& null : targets.nulls) {
        if (!null.discs.empty()) result.null_recalls.push_back(share_hit(null, spot));
    }
    if (result.null_recalls.empty()) return std::nullopt;
    return result;
}

}  // namespace braggbench
