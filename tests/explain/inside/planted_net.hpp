// A tiny network in which maps that do nothing are planted, one of each kind, and images for it.
#pragma once

#include <torch/torch.h>

#include "classifiers/model.hpp"
#include "simulator/image.hpp"
#include "simulator/random.hpp"

namespace braggbench {

inline constexpr float planted_highest = 100.0F;

// Photons from 0 to planted_highest are expected.
class PlantedNet : public Classifier {
public:
    PlantedNet() {
        first_ = register_module("first", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 4, 3).padding(1)));
        norm_ = register_module("norm", torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(4).eps(0.0)));
        second_ = register_module("second", torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 2, 1)));
        head_ = register_module("head", torch::nn::Linear(2, 2));
        const torch::NoGradGuard no_gradients;
        for (auto& parameter : parameters()) parameter.zero_();
        norm_->weight.fill_(1.0);
        first_->weight[0][0][1][1] = 1.0;  // 0: the image
        first_->weight[1].fill_(-1.0);     // 1: dead, whatever the image
        first_->bias[1] = -1.0;
        first_->bias[2] = 2.0;         // 2: constant
        first_->weight[3].fill_(1.0);  // 3: dead unless nine neighbours are bright
        first_->bias[3] = -8.0F * planted_highest;
        second_->weight[0][1][0][0] = 1.0;  // 0: looks at dead maps alone
        second_->weight[0][3][0][0] = 1.0;
        second_->bias[0] = -0.5;
        second_->weight[1][0][0][0] = 1.0;  // 1: the image
        head_->weight[0][1] = 1.0;
    }
    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        const torch::Tensor a = norm_(first_(photons)).relu_();
        result.stages.push_back({"one", a, 1.0, 0.0});
        const torch::Tensor b = torch::relu(second_(a));
        result.stages.push_back({"two", b, 1.0, 0.0});
        result.features = b.mean({2, 3});
        result.logits = head_(result.features);
        return result;
    }

private:
    torch::nn::Conv2d first_{nullptr};
    torch::nn::BatchNorm2d norm_{nullptr};
    torch::nn::Conv2d second_{nullptr};
    torch::nn::Linear head_{nullptr};
};

// One pixel at planted_highest, the others up to a tenth of it.
inline torch::Tensor planted_images(std::int64_t count, std::int64_t size) {
    torch::Tensor images = torch::empty({count, 1, size, size});
    for (std::int64_t i = 0; i < count; ++i) {
        RandomStream random(2, static_cast<std::uint64_t>(i), Stage::scene);
        for (std::int64_t pixel = 0; pixel < size * size; ++pixel) {
            images[i].data_ptr<float>()[pixel] = static_cast<float>(random.uniform(0.0, 0.1 * planted_highest));
        }
        images[i][0][size / 2][i % size] = planted_highest;
    }
    return images;
}

}  // namespace braggbench
