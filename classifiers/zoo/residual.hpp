// The stages of residual networks (He, Zhang, Ren & Sun 2016, CVPR, 770; arXiv 1512.03385) as torchvision builds them,
// the stride in a bottleneck's 3 x 3 convolution. Torch header.
#pragma once

#include <array>
#include <vector>

#include "classifiers/zoo/chain.hpp"

namespace braggbench {

enum class ResidualBlock {
    basic,      // two convolutions of 3 x 3
    bottleneck  // 1 x 1, 3 x 3, 1 x 1 to four times the filters
};

// "stem" (7 x 7, stride 2, then a max pool) and "layer1" to "layer4", each with twice the filters of the one before.
std::vector<ChainStage> residual_stages(ResidualBlock block, const std::array<int, 4>& block_counts, int filters);

// Channels of the last stage.
int last_channels(ResidualBlock block, int filters);

}  // namespace braggbench
