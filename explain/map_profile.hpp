// Where a map of an image without peaks is high, since nothing can be said of its localisation: by distance from the
// beam, and on what a network may have taken for a sign. All are densities: mean of S+ there over its mean on Omega, so
// that 1 is the level of a map without preference.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "explain/ranked_map.hpp"
#include "simulator/image.hpp"

namespace braggbench {

struct MapProfile {
    static constexpr std::size_t bins = 8;
    // In rings of equal width from the beam to the farthest pixel of Omega; absent where a ring has no pixels.
    std::array<std::optional<double>, bins> radial;
    std::optional<double> beam;       // within a twentieth of the view's width of the beam, where beam stops are
    std::optional<double> gaps;       // off Omega: gaps between panels, masked pixels, margins
    std::optional<double> ice_rings;  // within 2.5 px of where ice would have its rings, whether or not there is ice
};

// `ranked` is the same map with its Omega. Positions in the view's pixels. Absent for a map that is not `ok`.
std::optional<MapProfile> map_profile(const RankedMap& ranked, const Image<float>& map, double beam_fast_px,
                                      double beam_slow_px, std::span<const double> ice_radii_px);

}  // namespace braggbench
