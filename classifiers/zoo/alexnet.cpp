// Krizhevsky, Sutskever & Hinton 2012, NIPS 25, 1097, in the one-tower variant of torchvision (Krizhevsky 2014,
// arXiv 1404.5997), which Nawaz et al. 2023, J. Appl. Cryst. 56, 1494 trained. Weights as torch draws them.
#include "classifiers/zoo/chain.hpp"
#include "classifiers/zoo/input.hpp"
#include "classifiers/zoo/published.hpp"

namespace braggbench {

std::shared_ptr<Classifier> make_alexnet(const ModelShape& shape) {
    struct Layer {
        int channels;
        Window window;
        Window pool;
    };
    const std::vector<Layer> layers = {{64, {11, 4, 2}, {3, 2, 0}},
                                       {192, {5, 1, 2}, {3, 2, 0}},
                                       {384, {3, 1, 1}, {}},
                                       {256, {3, 1, 1}, {}},
                                       {256, {3, 1, 1}, {3, 2, 0}}};
    std::vector<ChainStage> stages;
    int in = 1;
    for (const auto& [channels, window, pool] : layers) {
        stages.push_back({"conv" + std::to_string(stages.size() + 1),
                          torch::nn::Sequential(convolution(in, channels, window, true), torch::nn::ReLU()),
                          {window},
                          pool});
        in = channels;
    }
    return std::make_shared<Chain>(root_of_photons, stages, in, shape, [&](const MapSize& size) {
        // 6 x 6 is what 224 px leave; averaging to it lets any size in.
        constexpr int side = 6;
        constexpr int units = 4096;
        torch::nn::Sequential head;
        head->push_back("pool", torch::nn::AdaptiveAvgPool2d(side));
        head->push_back("flatten", torch::nn::Flatten());
        head->push_back("dropout1", torch::nn::Dropout(0.5));
        head->push_back("fc1", torch::nn::Linear(size.channels * side * side, units));
        head->push_back("relu1", torch::nn::ReLU());
        head->push_back("dropout2", torch::nn::Dropout(0.5));
        head->push_back("fc2", torch::nn::Linear(units, units));
        head->push_back("relu2", torch::nn::ReLU());
        head->push_back("logits", torch::nn::Linear(units, shape.output_count));
        return head;
    });
}

}  // namespace braggbench
