// Which images are explained, and which other images lend them their peaks as nulls; all keyed by the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "labels/draw.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

// Up to `per_class` images of every class of the split, ascending.
std::vector<std::int64_t> choose_images(std::span<const std::int32_t> class_indices, std::span<const Split> splits,
                                        Split split, int per_class, std::uint64_t seed);

// Up to `count` other images of the same class for which `has_peaks` holds: of the same split first; where those do not
// suffice, of the others (only their peaks are read, nothing a model was trained on).
std::vector<std::int64_t> choose_nulls(std::int64_t image, std::span<const std::int32_t> class_indices,
                                       std::span<const Split> splits, int count, std::uint64_t seed,
                                       const std::function<bool(std::int64_t)>& has_peaks);

// Peaks moved along with the beam: another image's peaks lie where they would with this image's beam centre.
std::vector<Peak> moved(std::vector<Peak> peaks, double fast_px, double slow_px);

}  // namespace braggbench
