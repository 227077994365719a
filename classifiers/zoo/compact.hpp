// Our networks for bright spots of 1-4 px on Poisson background, in three sizes.
#pragma once

#include <memory>
#include <vector>

#include "classifiers/model.hpp"

namespace braggbench {

struct CompactOptions {
    int output_count = 2;
    // Channels of the stages, the first at stride 2 and each following at twice the stride of the one before.
    std::vector<int> widths = {8, 16, 32, 32, 64};
    int hidden = 48;  // units between pooling and outputs
    // What bench/accuracy/compact_design.cpp asks the worth of.
    bool contrast = true;  // pixels in units of the local noise; else their fourth root alone
    bool level = true;     // local level and noise beside stage 2
    bool mean_pool = true;
    bool rms_pool = false;
    bool max_pool = false;
};

std::shared_ptr<Classifier> make_compact(const CompactOptions& options);

}  // namespace braggbench
