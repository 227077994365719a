// How alike two saliency maps are.
#pragma once

#include <optional>

#include "simulator/image.hpp"

namespace braggbench {

// Spearman's rank correlation of the signed values, ties at their mean rank: 1 for maps that order the pixels alike, 0
// by chance. Undefined if a map is constant or not finite. Throws UsageError for maps of different sizes.
std::optional<double> rank_similarity(const Image<float>& a, const Image<float>& b);

}  // namespace braggbench
