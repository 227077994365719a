#include "classifiers/zoo/compact.hpp"

#include <cmath>
#include <string>

namespace braggbench {
namespace {

namespace F = torch::nn::functional;

// The background is estimated on blocks of 4 x 4 px, each averaged with its neighbours to a window of 5 x 5 blocks.
constexpr int block_px = 4;
constexpr int window_blocks = 5;
// Variance of read-out noise, in photons, that the square root allows for (the generalised Anscombe transform, Murtagh,
// Starck & Bijaoui 1995, A&AS 112, 179): values that noise takes below zero keep their order.
constexpr double read_variance = 3.0;

// (N, 1, H, W) as blocks (N, 1, H / 4, 4, W / 4, 4); H and W are multiples of 4.
torch::Tensor as_blocks(const torch::Tensor& x) {
    return x.view({x.size(0), 1, x.size(2) / block_px, block_px, x.size(3) / block_px, block_px});
}

// The mean over each block's window, shaped to broadcast over as_blocks(); the window shrinks at the border.
torch::Tensor window_mean(const torch::Tensor& blocks) {
    const auto mean = torch::avg_pool2d(blocks.mean({3, 5}), window_blocks, 1, window_blocks / 2, false, false);
    return mean.unsqueeze(3).unsqueeze(5);
}

// Two channels without parameters. The first is the level on a logarithmic scale. The second is local contrast in units
// of the local noise, after a square root has made Poisson noise nearly alike at every level: it is what stays
// comparable when a detector's gain is not well known or a view was reduced by maxima.
torch::Tensor level_and_contrast(const torch::Tensor& photons) {
    const auto height = photons.size(2);
    const auto width = photons.size(3);
    const auto pad_height = (block_px - height % block_px) % block_px;
    const auto pad_width = (block_px - width % block_px) % block_px;
    auto x = photons;
    if (pad_height != 0 || pad_width != 0) {
        x = F::pad(x, F::PadFuncOptions({0, pad_width, 0, pad_height}).mode(torch::kReplicate));
    }
    const auto root = 2.0 * torch::sqrt(torch::clamp_min(x + read_variance, 0.0) + 0.375);
    const auto blocks = as_blocks(root);
    const auto deviation = blocks - window_mean(blocks);
    // Mean absolute deviation, cut at 4 so that the spots themselves hardly count as noise; 1.2533 makes it the sigma
    // of a normal distribution. The floor keeps what little noise there is on an empty or flat area from being
    // magnified.
    const auto sigma = torch::clamp_min(1.2533 * window_mean(torch::clamp_max(torch::abs(deviation), 4.0)), 0.2);
    const auto z = (deviation / sigma).view(root.sizes());
    const auto level = torch::log(root) - std::log(2.0 * std::sqrt(read_variance + 0.375));
    const auto contrast = torch::sign(z) * torch::log1p(torch::abs(z));
    return torch::cat({level, contrast}, 1).narrow(2, 0, height).narrow(3, 0, width);
}

// Every stage from here on is pooled: a spot of a few pixels is plainest at stride 4, rings and level further on. The
// mean alone would dilute a handful of spots among thousands of units, the maximum alone would lose their number
// (Pawlowski et al. 2019, arXiv 1908.06037).
constexpr std::size_t first_pooled_stage = 1;

class Compact : public Classifier {
public:
    explicit Compact(const CompactOptions& options) {
        int in = 2;
        for (std::size_t i = 0; i < options.widths.size(); ++i) {
            const int out = options.widths[i];
            const auto name = std::to_string(i + 1);
            convolutions_.push_back(register_module(
                "conv" + name,
                torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1).bias(false))));
            norms_.push_back(register_module("norm" + name, torch::nn::BatchNorm2d(out)));
            in = out;
        }
        int pooled = 0;
        for (std::size_t i = first_pooled_stage; i < options.widths.size(); ++i) pooled += 2 * options.widths[i];
        hidden_ = register_module("hidden", torch::nn::Linear(pooled, options.hidden));
        logits_ = register_module("logits", torch::nn::Linear(options.hidden, options.output_count));
    }

    Trace trace(const torch::Tensor& photons) override {
        Trace result;
        Registration place;
        std::vector<torch::Tensor> pooled;
        auto x = level_and_contrast(photons);
        for (std::size_t i = 0; i < convolutions_.size(); ++i) {
            x = torch::relu(norms_[i](convolutions_[i](x)));
            place = place.after(3, 2, 1);
            result.stages.push_back({"stage" + std::to_string(i + 1), x, place.stride_px, place.start_px});
            if (i >= first_pooled_stage) {
                const auto flat = x.flatten(2);
                pooled.push_back(flat.mean(2));
                pooled.push_back(flat.amax(2));
            }
        }
        result.logits = logits_(torch::relu(hidden_(torch::cat(pooled, 1))));
        return result;
    }

private:
    std::vector<torch::nn::Conv2d> convolutions_;
    std::vector<torch::nn::BatchNorm2d> norms_;
    torch::nn::Linear hidden_{nullptr};
    torch::nn::Linear logits_{nullptr};
};

}  // namespace

std::shared_ptr<Classifier> make_compact(const CompactOptions& options) { return std::make_shared<Compact>(options); }

}  // namespace braggbench
