// What published networks see of an image (N, 1, H, W) of photons: fixed functions without parameters, each with its
// source. Torch header.
#pragma once

#include <torch/torch.h>

namespace braggbench {

// For networks whose papers took 8-bit pictures: sqrt(photons + 3/8) - sqrt(3/8), clipped at 0 and 65025 photons, which
// is 0 to 254.4. A square root is what brings 16-bit counts into 8 bits without losing weak spots (resonet clips at
// 65025 = 255^2 and takes it), and with 3/8 (Anscombe 1948, Biometrika 35, 246) Poisson noise has a deviation of 1/2 at
// every level. It depends on no data set, so that a network can be moved from one to another.
torch::Tensor root_of_photons(const torch::Tensor& photons);

// (x - mean) / sigma over the box x box px around every pixel, smaller at the border; 0 where x is constant.
torch::Tensor local_contrast(const torch::Tensor& photons, int box_px);

// Negative values become 0, the brightest pixel of each image 1 (an image without a photon stays as it is).
torch::Tensor scaled_by_maximum(const torch::Tensor& photons);

}  // namespace braggbench
