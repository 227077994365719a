// A small convolutional network for bright spots of 1-4 px on Poisson background, in two sizes.
#pragma once

#include <memory>
#include <vector>

#include "classifiers/model.hpp"

namespace braggbench {

struct CompactOptions {
    int output_count = 2;
    // Channels of the stages, the first at stride 2 and each following at twice the stride of the one before.
    std::vector<int> widths = {12, 24, 32, 48};
    int hidden = 32;  // units between pooling and logits
};

std::shared_ptr<Classifier> make_compact(const CompactOptions& options);

}  // namespace braggbench
