// Simonyan & Zisserman 2015, arXiv 1409.1556, configuration D as Keras builds it, for 512 x 512 px and five classes in
// Hollatz 2022 (568 390 341 parameters: fc1 grows with the image). Weights as Keras draws them.
#include "classifiers/zoo/chain.hpp"
#include "classifiers/zoo/initialise.hpp"
#include "classifiers/zoo/input.hpp"
#include "classifiers/zoo/published.hpp"

namespace braggbench {

std::shared_ptr<Classifier> make_vgg16(const ModelShape& shape) {
    struct Block {
        int channels;
        int convolutions;
    };
    const Window window{3, 1, 1};
    std::vector<ChainStage> stages;
    int in = 1;
    for (const auto& [channels, convolutions] : {Block{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}}) {
        ChainStage stage{"block" + std::to_string(stages.size() + 1), torch::nn::Sequential(), {}, {2, 2, 0}};
        for (int i = 1; i <= convolutions; ++i) {
            stage.layers->push_back("conv" + std::to_string(i), convolution(in, channels, window, true));
            stage.layers->push_back("relu" + std::to_string(i), torch::nn::ReLU());
            stage.windows.push_back(window);
            in = channels;
        }
        stages.push_back(stage);
    }
    auto network = std::make_shared<Chain>(root_of_photons, stages, in, shape, [&](const MapSize& size) {
        constexpr int units = 4096;
        torch::nn::Sequential head;
        head->push_back("flatten", torch::nn::Flatten());
        head->push_back("fc1", torch::nn::Linear(size.channels * size.height * size.width, units));
        head->push_back("relu1", torch::nn::ReLU());
        head->push_back("fc2", torch::nn::Linear(units, units));
        head->push_back("relu2", torch::nn::ReLU());
        head->push_back("logits", torch::nn::Linear(units, shape.output_count));
        return head;
    });
    initialise_as_keras(*network);
    return network;
}

}  // namespace braggbench
