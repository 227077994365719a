// Souza et al. 2019, arXiv 1904.11834: ResNet-50 with 8 filters. Weights as their program draws them (He et al. 2015).
#include <algorithm>

#include "classifiers/zoo/chain.hpp"
#include "classifiers/zoo/initialise.hpp"
#include "classifiers/zoo/input.hpp"
#include "classifiers/zoo/published.hpp"
#include "classifiers/zoo/residual.hpp"

namespace braggbench {

std::shared_ptr<Classifier> make_deepfreak(const ModelShape& shape) {
    constexpr int filters = 8;
    constexpr auto block = ResidualBlock::bottleneck;
    auto network = std::make_shared<Chain>(
        root_of_photons, residual_stages(block, {3, 4, 6, 3}, filters), last_channels(block, filters), shape,
        [&](const MapSize& size) {
            // The last layer sees averages over 7 x 7 units every 2, 5 x 5 of them at 512 px: with batch norms in the
            // shortcuts this gives the published 405 373 parameters. On images below 193 px the last map is smaller
            // than 7 and is averaged as a whole.
            constexpr int stride = 2;
            const int rows = std::min(7, size.height);
            const int columns = std::min(7, size.width);
            const int averages = ((size.height - rows) / stride + 1) * ((size.width - columns) / stride + 1);
            return torch::nn::Sequential(
                torch::nn::AvgPool2d(torch::nn::AvgPool2dOptions({rows, columns}).stride(stride)), torch::nn::Flatten(),
                torch::nn::Linear(size.channels * averages, shape.output_count));
        });
    initialise_as_resnet(*network);
    return network;
}

}  // namespace braggbench
