// He, Zhang, Ren & Sun 2016, CVPR, 770 (arXiv 1512.03385): ResNet-101 in Nawaz et al. 2023, ResNet-50 in Wang et al.
// 2017. Weights as torchvision draws them.
#include "classifiers/zoo/chain.hpp"
#include "classifiers/zoo/initialise.hpp"
#include "classifiers/zoo/input.hpp"
#include "classifiers/zoo/published.hpp"
#include "classifiers/zoo/residual.hpp"

namespace braggbench {
namespace {

std::shared_ptr<Classifier> make_resnet(const ModelShape& shape, ResidualBlock block,
                                        const std::array<int, 4>& block_counts) {
    constexpr int filters = 64;
    auto network =
        std::make_shared<Chain>(root_of_photons, residual_stages(block, block_counts, filters),
                                last_channels(block, filters), shape, [&](const MapSize& size) {
                                    return torch::nn::Sequential(torch::nn::AdaptiveAvgPool2d(1), torch::nn::Flatten(),
                                                                 torch::nn::Linear(size.channels, shape.output_count));
                                });
    initialise_as_resnet(*network);
    return network;
}

}  // namespace

std::shared_ptr<Classifier> make_resnet18(const ModelShape& shape) {
    return make_resnet(shape, ResidualBlock::basic, {2, 2, 2, 2});
}
std::shared_ptr<Classifier> make_resnet34(const ModelShape& shape) {
    return make_resnet(shape, ResidualBlock::basic, {3, 4, 6, 3});
}
std::shared_ptr<Classifier> make_resnet50(const ModelShape& shape) {
    return make_resnet(shape, ResidualBlock::bottleneck, {3, 4, 6, 3});
}
std::shared_ptr<Classifier> make_resnet101(const ModelShape& shape) {
    return make_resnet(shape, ResidualBlock::bottleneck, {3, 4, 23, 3});
}

}  // namespace braggbench
