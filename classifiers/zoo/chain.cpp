#include "classifiers/zoo/chain.hpp"

#include <iterator>
#include <utility>

namespace braggbench {
namespace {

int size_after(int size, const Window& window) {
    return (size + 2 * window.padding - window.kernel) / window.stride + 1;
}

Registration place_after(const Registration& place, const Window& window) {
    return place.after(window.kernel, window.stride, window.padding);
}

}  // namespace

Chain::Chain(torch::Tensor (*prepare)(const torch::Tensor&), std::vector<ChainStage> stages, int last_channels,
             const ModelShape& shape, const std::function<torch::nn::Sequential(const MapSize&)>& head)
    : prepare_(prepare), stages_(std::move(stages)) {
    MapSize size{last_channels, shape.height_px, shape.width_px};
    const auto shrink = [&](const Window& window) {
        size.height = size_after(size.height, window);
        size.width = size_after(size.width, window);
    };
    for (const auto& stage : stages_) {
        register_module(stage.name, stage.layers);
        for (const auto& window : stage.windows) shrink(window);
        shrink(stage.pool);
    }
    head_ = register_module("head", head(size));
}

Trace Chain::trace(const torch::Tensor& photons) {
    Trace result;
    Registration place;
    auto x = prepare_(photons);
    for (auto& stage : stages_) {
        x = stage.layers->forward(x);
        for (const auto& window : stage.windows) place = place_after(place, window);
        result.stages.push_back({stage.name, x, place.stride_px, place.start_px});
        if (stage.pool.kernel > 1) {
            x = torch::max_pool2d(x, stage.pool.kernel, stage.pool.stride, stage.pool.padding);
            place = place_after(place, stage.pool);
        }
    }
    const auto last = std::prev(head_->end());
    for (auto layer = head_->begin(); layer != last; ++layer) x = layer->forward(x);
    result.features = x;
    result.logits = last->forward(x);
    return result;
}

torch::nn::Conv2d convolution(int in, int out, const Window& window, bool bias) {
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(in, out, window.kernel).stride(window.stride).padding(window.padding).bias(bias));
}

}  // namespace braggbench
