// Whether images with the same label lie together: the share of neighbours that have it too, beside chance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "classifiers/metric.hpp"
#include "explain/embedding/neighbours.hpp"

namespace braggbench {

// For the points that have the label, the mean share of their k nearest neighbours that have it; tied neighbours count
// by their expectation, neighbours of which it is not known not at all. Chance: how many of the other points have the
// label. Interval: bootstrap over those points (2000 resamples, keyed by the seed). Undefined if fewer than two points
// have it. has_label[i]: absent if not known. Throws UsageError unless there is one entry per point.
Metric cluster_purity(std::span<const Neighbours> neighbours, int k, std::span<const std::optional<bool>> has_label,
                      std::uint64_t seed);

}  // namespace braggbench
