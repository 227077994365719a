// Maps averaged over copies of the images as further measurements of the same scene would give them. Torch header.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "explain/attribution/gradient_pass.hpp"

namespace braggbench {

struct SmoothingOptions {
    int samples = 16;
    double noise = 1.0;  // deviation of the noise, in units of sqrt(photons + 1)
    std::uint64_t seed = 1;
};

struct SmoothPass {
    std::vector<TraceStage> stages;         // of the last copy
    std::vector<torch::Tensor> hires_cams;  // of each stage, (N, h, w); undefined where outputs do not depend on it
    torch::Tensor input_gradient;           // undefined likewise, or if it was not asked for
};

// The same noise, keyed by the seed, for every image of a batch. Outputs as gradient_pass() takes them.
SmoothPass smooth_pass(Classifier& model, const torch::Tensor& photons, const std::vector<int>& outputs,
                       InputGradient with_input, const SmoothingOptions& options);

}  // namespace braggbench
