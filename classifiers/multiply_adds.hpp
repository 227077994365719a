// What one image costs a network: multiplications with an addition each, counted from what runs. Torch header.
#pragma once

#include <cstdint>

#include "classifiers/model.hpp"

namespace braggbench {

// Of all convolutions, dense layers and matrix products in one forward pass of one image of this size, in eval mode.
// Norms, activations, pooling and what a network does to its input are not counted, as in published figures.
std::int64_t multiply_adds(Classifier& network, const ModelShape& shape);

}  // namespace braggbench
