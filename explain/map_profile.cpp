#include "explain/map_profile.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace braggbench {
namespace {

constexpr double ring_half_width_px = 2.5;
constexpr double beam_share = 0.05;

struct Mean {
    double sum = 0.0;
    double pixels = 0.0;

    void add(float value) {
        sum += std::isfinite(value) && value > 0.0F ? value : 0.0F;
        pixels += 1.0;
    }
    [[nodiscard]] std::optional<double> over(double level) const {
        return pixels > 0.0 ? std::optional(sum / pixels / level) : std::nullopt;
    }
};

}  // namespace

std::optional<MapProfile> map_profile(const RankedMap& ranked, const Image<float>& map, double beam_fast_px,
                                      double beam_slow_px, std::span<const double> ice_radii_px) {
    if (ranked.status() != MapStatus::ok) {
        return std::nullopt;
    }
    Image<float> radius(map.width, map.height);
    float farthest = 0.0F;
    for (int slow = 0; slow < map.height; ++slow) {
        for (int fast = 0; fast < map.width; ++fast) {
            radius(fast, slow) = static_cast<float>(std::hypot(fast + 0.5 - beam_fast_px, slow + 0.5 - beam_slow_px));
            if (ranked.is_valid(static_cast<std::uint32_t>(map.index(fast, slow))))
                farthest = std::max(farthest, radius(fast, slow));
        }
    }
    std::array<Mean, MapProfile::bins> radial;
    Mean beam;
    Mean gaps;
    Mean rings;
    for (std::size_t i = 0; i < map.size(); ++i) {
        const float value = map.pixels[i];
        if (!ranked.is_valid(static_cast<std::uint32_t>(i))) {
            gaps.add(value);
            continue;
        }
        const double r = radius.pixels[i];
        const auto bin = static_cast<std::size_t>(r / (farthest * 1.000001) * MapProfile::bins);
        radial[std::min(bin, MapProfile::bins - 1)].add(value);
        if (r <= beam_share * map.width) beam.add(value);
        if (std::any_of(ice_radii_px.begin(), ice_radii_px.end(),
                        [r](double ring) { return std::abs(r - ring) <= ring_half_width_px; })) {
            rings.add(value);
        }
    }
    const double level = ranked.total() / static_cast<double>(ranked.valid_pixels());
    MapProfile profile;
    for (std::size_t i = 0; i < MapProfile::bins; ++i) profile.radial[i] = radial[i].over(level);
    profile.beam = beam.over(level);
    profile.gaps = gaps.over(level);
    profile.ice_rings = rings.over(level);
    return profile;
}

}  // namespace braggbench
