// Yang 2016, a web page of UCLA on sorting single-particle hits at X-ray lasers with Keras: four convolutions, dropout
// 1/2. Each image is scaled by its maximum, as there; weights as Keras draws them.
#include "classifiers/zoo/chain.hpp"
#include "classifiers/zoo/initialise.hpp"
#include "classifiers/zoo/input.hpp"
#include "classifiers/zoo/published.hpp"

namespace braggbench {

std::shared_ptr<Classifier> make_yang2016(const ModelShape& shape) {
    struct Layer {
        int channels;
        int padding;
        bool dropout;
    };
    std::vector<ChainStage> stages;
    int in = 1;
    for (const auto& [channels, padding, dropout] :
         {Layer{32, 0, true}, {32, 0, false}, {64, 0, false}, {64, 1, true}}) {
        const Window window{3, 1, padding};
        ChainStage stage{"conv" + std::to_string(stages.size() + 1),
                         torch::nn::Sequential(convolution(in, channels, window, true), torch::nn::ReLU()),
                         {window},
                         {2, 2, 0}};
        if (dropout) stage.layers->push_back(torch::nn::Dropout(0.5));
        stages.push_back(stage);
        in = channels;
    }
    auto network = std::make_shared<Chain>(scaled_by_maximum, stages, in, shape, [&](const MapSize& size) {
        constexpr int units = 64;
        torch::nn::Sequential head;
        head->push_back("flatten", torch::nn::Flatten());
        head->push_back("fc1", torch::nn::Linear(size.channels * size.height * size.width, units));
        head->push_back("relu1", torch::nn::ReLU());
        head->push_back("dropout1", torch::nn::Dropout(0.5));
        head->push_back("logits", torch::nn::Linear(units, shape.output_count));
        return head;
    });
    initialise_as_keras(*network);
    return network;
}

}  // namespace braggbench
