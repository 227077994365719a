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
constexpr double anscombe = 0.375;
// What little noise there is on an empty or flat area is not magnified beyond this variance of the fourth root; a
// twentieth of what one photon of read-out noise makes of an empty one.
constexpr double least_variance = 5e-4;

// A square root makes Poisson noise nearly alike at every level; the second one keeps a spot of 10 000 photons within
// some tens of sigma.
torch::Tensor fourth_root(const torch::Tensor& photons) {
    return torch::sqrt(torch::sqrt(torch::clamp_min(photons, -read_variance) + (read_variance + anscombe)));
}

struct Input {
    torch::Tensor pixels;  // (N, 1, H', W'): the image, its edges rounded up to whole blocks
    torch::Tensor level;   // (N, 2, H' / 4, W' / 4): logarithms of local level and noise
};

// Neither part has parameters. Contrast in units of the local noise is what stays comparable when a detector's gain is
// not well known or a view was reduced by maxima. The noise of a window is the harmonic mean of its blocks' variances,
// which spots in a few of them hardly move.
Input contrast_and_level(const torch::Tensor& photons, bool contrast) {
    const auto height = photons.size(2);
    const auto width = photons.size(3);
    const auto pad_height = (block_px - height % block_px) % block_px;
    const auto pad_width = (block_px - width % block_px) % block_px;
    auto x = photons;
    if (pad_height != 0 || pad_width != 0) {
        x = F::pad(x, F::PadFuncOptions({0, pad_width, 0, pad_height}).mode(torch::kReplicate));
    }
    const auto root = fourth_root(x);
    // A convolution is several times faster here than avg_pool2d.
    const auto box = torch::full({1, 1, block_px, block_px}, 1.0 / (block_px * block_px), root.options());
    const auto mean = torch::conv2d(root, box, {}, block_px);
    const auto variance = torch::clamp_min(torch::conv2d(root * root, box, {}, block_px) - mean * mean, least_variance);
    // The window shrinks at the border: the sum over it is divided by how much of it there is.
    const auto ones = torch::ones({1, 1, window_blocks, window_blocks}, root.options());
    const auto inside = torch::conv2d(torch::ones({1, 1, mean.size(2), mean.size(3)}, root.options()), ones, {},
                                      /*stride=*/1, /*padding=*/window_blocks / 2);
    const auto window = [&](const torch::Tensor& blocks) {
        return torch::conv2d(blocks, ones, {}, /*stride=*/1, /*padding=*/window_blocks / 2) / inside;
    };
    const auto window_mean = window(mean);
    const auto inverse_variance = window(1.0 / variance);
    Input input;
    input.level = torch::cat({torch::log(window_mean), -0.5 * torch::log(inverse_variance)}, 1);
    if (!contrast) {
        input.pixels = root;
        return input;
    }
    const auto rows = mean.size(2);
    const auto columns = mean.size(3);
    const auto spread = [&](const torch::Tensor& blocks) { return blocks.view({-1, 1, rows, 1, columns, 1}); };
    const auto blocks = root.view({-1, 1, rows, block_px, columns, block_px});
    const auto sigmas = (blocks - spread(window_mean)) * spread(torch::sqrt(inverse_variance));
    input.pixels = sigmas.view({-1, 1, rows * block_px, columns * block_px});
    return input;
}

// Every stage from here on is pooled: a spot of a few pixels is plainest at stride 4, rings and level further on. The
// mean alone would dilute a handful of spots among thousands of units, the maximum alone would lose their number
// (Pawlowski et al. 2019, arXiv 1908.06037).
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
        const auto input = contrast_and_level(photons, options_.contrast);
        auto x = input.pixels;
        for (std::size_t i = 0; i < convolutions_.size(); ++i) {
            x = stage(i, x);
            place = place.after(3, 2, 1);
            result.stages.push_back({"stage" + std::to_string(i + 1), x, place.stride_px, place.start_px});
            if (i < first_pooled_stage) continue;
            const auto flat = x.flatten(2);
            if (options_.mean_pool) pooled.push_back(flat.mean(2));
            if (options_.rms_pool) pooled.push_back(torch::sqrt((flat * flat).mean(2) + 1e-6));
            if (options_.max_pool) pooled.push_back(flat.amax(2));
            if (i == first_pooled_stage && options_.level) x = torch::cat({x, input.level}, 1);
        }
        if (options_.level) pooled.push_back(input.level.flatten(2).mean(2));
        result.features = torch::relu(hidden_(torch::cat(pooled, 1)));
        result.logits = outputs_(result.features);
        return result;
    }

private:
    // Once trained, the norm is a factor and an offset, which the convolution can do.
    torch::Tensor stage(std::size_t i, const torch::Tensor& x) {
        auto& norm = *norms_[i];
        if (is_training() && norm.is_training()) return torch::relu(norm.forward(convolutions_[i](x)));
        const auto factor = norm.weight * torch::rsqrt(norm.running_var + norm.options.eps());
        return torch::relu(torch::conv2d(x, convolutions_[i]->weight * factor.view({-1, 1, 1, 1}),
                                         norm.bias - norm.running_mean * factor, /*stride=*/2, /*padding=*/1));
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
