// Heads as tensors: what a network's outputs say, and the loss that teaches it. Torch header.
#pragma once

#include <torch/torch.h>

#include <span>
#include <vector>

#include "classifiers/heads.hpp"

namespace braggbench {

// logits (N, outputs of all heads) -> (N, outputs): probabilities, or values in their units (Predictions::scores).
torch::Tensor scores_of(const torch::Tensor& logits, std::span<const Head> heads);

}  // namespace braggbench
