// Maps on a stage's grid from its activations and their gradients. Torch header.
#pragma once

#include <torch/torch.h>

#include "explain/attribution_methods.hpp"

namespace braggbench {

// activation, gradient (N, C, h, w) -> (N, h, w), signed: without the ReLU that the papers end with, which belongs to
// scoring. `method` is one of those with a map per stage.
torch::Tensor class_activation_map(AttributionMethod method, const torch::Tensor& activation,
                                   const torch::Tensor& gradient);

}  // namespace braggbench
