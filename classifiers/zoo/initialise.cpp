#include "classifiers/zoo/initialise.hpp"

namespace braggbench {

void initialise_as_keras(torch::nn::Module& network) {
    const auto draw = [](auto& layer) {
        torch::nn::init::xavier_uniform_(layer.weight);
        if (layer.bias.defined()) torch::nn::init::zeros_(layer.bias);
    };
    for (const auto& module : network.modules()) {
        if (auto* convolution = module->as<torch::nn::Conv2d>()) draw(*convolution);
        if (auto* dense = module->as<torch::nn::Linear>()) draw(*dense);
    }
}

void initialise_as_resnet(torch::nn::Module& network) {
    for (const auto& module : network.modules()) {
        if (auto* convolution = module->as<torch::nn::Conv2d>()) {
            torch::nn::init::kaiming_normal_(convolution->weight, 0.0, torch::kFanOut, torch::kReLU);
        }
    }
}

}  // namespace braggbench
