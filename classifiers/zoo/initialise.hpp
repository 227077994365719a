// Initial weights as the frameworks of the published networks draw them. Torch header.
#pragma once

#include <torch/torch.h>

namespace braggbench {

// Keras' default for every convolution and dense layer: weights uniform in +-sqrt(6 / (fan in + fan out)), biases 0
// (Glorot & Bengio 2010, AISTATS 9, 249).
void initialise_as_keras(torch::nn::Module& network);

// torchvision's residual networks and DeepFreak: convolutions normal with variance 2 / fan out (He et al. 2015,
// arXiv 1502.01852), dense layers as torch draws them.
void initialise_as_resnet(torch::nn::Module& network);

}  // namespace braggbench
