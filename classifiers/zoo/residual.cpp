#include "classifiers/zoo/residual.hpp"

namespace braggbench {
namespace {

constexpr int bottleneck_expansion = 4;
const Window pointwise{1, 1, 0};

int expansion(ResidualBlock block) { return block == ResidualBlock::bottleneck ? bottleneck_expansion : 1; }

class Residual : public torch::nn::Module {
public:
    Residual(ResidualBlock block, int in, int filters, int stride) {
        const int out = filters * expansion(block);
        const Window strided{3, stride, 1};
        if (block == ResidualBlock::basic) {
            add(in, filters, strided);
            add_relu();
            add(filters, out, {3, 1, 1});
        } else {
            add(in, filters, pointwise);
            add_relu();
            add(filters, filters, strided);
            add_relu();
            add(filters, out, pointwise);
        }
        register_module("body", body_);
        if (stride != 1 || in != out) {
            shortcut_->push_back(convolution(in, out, {1, stride, 0}, false));
            shortcut_->push_back(torch::nn::BatchNorm2d(out));
            register_module("shortcut", shortcut_);
        }
    }

    torch::Tensor forward(const torch::Tensor& x) {
        return torch::relu(body_->forward(x) + (shortcut_->is_empty() ? x : shortcut_->forward(x)));
    }

private:
    void add(int in, int out, const Window& window) {
        body_->push_back(convolution(in, out, window, false));
        body_->push_back(torch::nn::BatchNorm2d(out));
    }
    void add_relu() { body_->push_back(torch::nn::ReLU()); }

    torch::nn::Sequential body_;
    torch::nn::Sequential shortcut_;
};

}  // namespace

std::vector<ChainStage> residual_stages(ResidualBlock block, const std::array<int, 4>& block_counts, int filters) {
    const Window stem{7, 2, 3};
    std::vector<ChainStage> stages = {{"stem",
                                       torch::nn::Sequential(convolution(1, filters, stem, false),
                                                             torch::nn::BatchNorm2d(filters), torch::nn::ReLU()),
                                       {stem},
                                       {3, 2, 1}}};
    int in = filters;
    for (const int count : block_counts) {
        const bool first = stages.size() == 1;
        ChainStage stage{"layer" + std::to_string(stages.size()), torch::nn::Sequential(), {}, {}};
        for (int i = 0; i < count; ++i) {
            const int stride = i == 0 && !first ? 2 : 1;
            stage.layers->push_back(std::make_shared<Residual>(block, in, filters, stride));
            stage.windows.push_back({3, stride, 1});
            if (block == ResidualBlock::basic) stage.windows.push_back({3, 1, 1});
            in = filters * expansion(block);
        }
        stages.push_back(stage);
        filters *= 2;
    }
    return stages;
}

int last_channels(ResidualBlock block, int filters) { return 8 * filters * expansion(block); }

}  // namespace braggbench
