// What the published networks have in common: stages one after the other, max pools between them, and a head. Torch
// header.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <string>
#include <vector>

#include "classifiers/model.hpp"

namespace braggbench {

// A convolution or pooling as it moves over the image, alike along both axes.
struct Window {
    int kernel = 1;
    int stride = 1;
    int padding = 0;
};

// A stage's parameters are those of the submodule of the same name, so that it can be frozen by name. Its activation
// is taken before the pool, where spots of a few pixels are still resolved.
struct ChainStage {
    std::string name;
    torch::nn::Sequential layers;
    std::vector<Window> windows;  // of `layers`, in order
    Window pool;                  // max pool after the stage; none with kernel 1
};

// What the head is given.
struct MapSize {
    int channels = 0;
    int height = 0;
    int width = 0;
};

class Chain : public Classifier {
public:
    // `head` makes logits of the last stage's pooled maps; its submodule is called "head" and its last layer is linear.
    Chain(torch::Tensor (*prepare)(const torch::Tensor&), std::vector<ChainStage> stages, int last_channels,
          const ModelShape& shape, const std::function<torch::nn::Sequential(const MapSize&)>& head);

    Trace trace(const torch::Tensor& photons) override;

private:
    torch::Tensor (*prepare_)(const torch::Tensor&);
    std::vector<ChainStage> stages_;
    torch::nn::Sequential head_{nullptr};
};

torch::nn::Conv2d convolution(int in, int out, const Window& window, bool bias);

}  // namespace braggbench
