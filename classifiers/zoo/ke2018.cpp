// Ke, Brewster, Yu, Ushizima, Yang & Sauter 2018, J. Synchrotron Rad. 25, 655: hit, maybe or miss. Seen through local
// contrast in 5 x 5 px; weights as torch draws them.
#include "classifiers/zoo/chain.hpp"
#include "classifiers/zoo/input.hpp"
#include "classifiers/zoo/published.hpp"

namespace braggbench {
namespace {

torch::Tensor prepare(const torch::Tensor& photons) { return local_contrast(photons, 5); }

}  // namespace

std::shared_ptr<Classifier> make_ke2018(const ModelShape& shape) {
    // The published 7 291 parameters and 288 inputs of the last layer at 720 px follow from convolutions with biases,
    // padded by half their kernel.
    struct Layer {
        int channels;
        Window window;
        Window pool;
    };
    const std::vector<Layer> layers = {
        {4, {7, 2, 3}, {3, 2, 1}}, {8, {3, 2, 1}, {2, 2, 0}}, {16, {3, 2, 1}, {2, 2, 0}}, {32, {3, 2, 1}, {2, 2, 0}}};
    std::vector<ChainStage> stages;
    int in = 1;
    for (const auto& [channels, window, pool] : layers) {
        stages.push_back({"conv" + std::to_string(stages.size() + 1),
                          torch::nn::Sequential(convolution(in, channels, window, true),
                                                torch::nn::BatchNorm2d(channels), torch::nn::ReLU()),
                          {window},
                          pool});
        in = channels;
    }
    return std::make_shared<Chain>(prepare, stages, in, shape, [&](const MapSize& size) {
        return torch::nn::Sequential(torch::nn::Flatten(),
                                     torch::nn::Linear(size.channels * size.height * size.width, shape.output_count));
    });
}

}  // namespace braggbench
