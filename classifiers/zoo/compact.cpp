#include "classifiers/zoo/compact.hpp"

#include <string>

#include "classifiers/zoo/local_noise.hpp"

namespace braggbench {
namespace {

// Every stage from here on is pooled: a spot of a few pixels is plainest at stride 4, rings and level further on.
// Through a mean every spot counts, the faint ones too, in what is learned and in what maps show. Maxima find a few
// spots among thousands of units sooner (Pawlowski et al. 2019, arXiv 1908.06037) but let the brightest decide alone
// (docs/explanations.md).
constexpr std::size_t first_pooled_stage = 1;

class Compact : public Classifier {
public:
    explicit Compact(const CompactOptions& options) : options_(options) {
        int in = 1;
        int pooled = options.level ? 2 : 0;
        const int pools = (options.mean_pool ? 1 : 0) + (options.rms_pool ? 1 : 0) + (options.max_pool ? 1 : 0);
        for (std::size_t i = 0; i < options.widths.size(); ++i) {
            const int out = options.widths[i];
            const auto name = std::to_string(i + 1);
            convolutions_.push_back(register_module(
                "conv" + name,
                torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1).bias(false))));
            norms_.push_back(register_module("norm" + name, torch::nn::BatchNorm2d(out)));
            in = out;
            if (i == first_pooled_stage && options.level) in += 2;
            if (i >= first_pooled_stage) pooled += pools * out;
        }
        hidden_ = register_module("hidden", torch::nn::Linear(pooled, options.hidden));
        outputs_ = register_module("outputs", torch::nn::Linear(options.hidden, options.output_count));
    }

    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        Registration place;
        std::vector<torch::Tensor> pooled;
        const auto input = local_noise(photons, options_.contrast ? PixelScale::local_noise : PixelScale::fourth_root);
        auto x = input.pixels;
        for (std::size_t i = 0; i < convolutions_.size(); ++i) {
            const bool beside = i == first_pooled_stage + 1 && options_.level;
            x = stage(i, x, beside ? input.level : torch::Tensor());
            place = place.after(3, 2, 1);
            result.stages.push_back({"stage" + std::to_string(i + 1), x, place.stride_px, place.start_px});
            if (i < first_pooled_stage) continue;
            if (options_.mean_pool) pooled.push_back(x.mean({2, 3}));
            if (options_.rms_pool) pooled.push_back(torch::sqrt((x * x).mean({2, 3}) + 1e-6));
            // amax() over a few channels is several times slower, forward and backward.
            if (options_.max_pool) pooled.push_back(std::get<0>(torch::adaptive_max_pool2d(x, {1, 1})).flatten(1));
        }
        if (options_.level) pooled.push_back(input.level.mean({2, 3}));
        result.features = torch::relu(hidden_(torch::cat(pooled, 1)));
        result.logits = outputs_(result.features);
        return result;
    }

private:
    // Once trained, the norm is a factor and an offset, which the convolution can do. The local level, where a stage
    // sees it beside its channels, has a convolution of its own: joined to them it would cost a copy, and convolutions
    // of 18 channels take twice the time of those of 16.
    torch::Tensor stage(std::size_t i, const torch::Tensor& x, const torch::Tensor& level) {
        const auto convolved = [&](const torch::Tensor& weight, const torch::Tensor& offset) {
            const auto own = x.size(1);
            auto sum = torch::conv2d(x, weight.narrow(1, 0, own), offset, /*stride=*/2, /*padding=*/1);
            if (level.defined()) {
                sum += torch::conv2d(level.contiguous(torch::MemoryFormat::ChannelsLast),
                                     weight.narrow(1, own, level.size(1)), {}, /*stride=*/2, /*padding=*/1);
            }
            return sum;
        };
        const auto& weight = convolutions_[i]->weight;
        auto& norm = *norms_[i];
        if (is_training() && norm.is_training()) return norm.forward(convolved(weight, {})).relu_();
        const auto factor = norm.weight * torch::rsqrt(norm.running_var + norm.options.eps());
        return convolved(weight * factor.view({-1, 1, 1, 1}), norm.bias - norm.running_mean * factor).relu_();
    }

    CompactOptions options_;
    std::vector<torch::nn::Conv2d> convolutions_;
    std::vector<torch::nn::BatchNorm2d> norms_;
    torch::nn::Linear hidden_{nullptr};
    torch::nn::Linear outputs_{nullptr};
};

}  // namespace

std::shared_ptr<Classifier> make_compact(const CompactOptions& options) { return std::make_shared<Compact>(options); }

}  // namespace braggbench
