// Pixels in units of the noise around them: the fixed front of our compact networks. Torch header.
#pragma once

#include <torch/torch.h>

namespace braggbench {

struct LocalNoise {
    torch::Tensor pixels;  // (N, 1, H', W'): the image, its edges rounded up to whole blocks
    torch::Tensor level;   // (N, 2, H' / 4, W' / 4): logarithms of local level and noise
};

enum class PixelScale {
    local_noise,  // (root - local mean) / local noise
    fourth_root,
};

// `photons` (N, 1, H, W) float32. Neither part has parameters. What needs no gradient with respect to the photons goes
// through loops of our own: torch's operators write the image to memory a dozen times, which costs more than our
// default network's convolutions.
LocalNoise local_noise(const torch::Tensor& photons, PixelScale scale);
// The same by torch's operators, differentiable and traceable.
LocalNoise local_noise_by_operators(const torch::Tensor& photons, PixelScale scale);

}  // namespace braggbench
