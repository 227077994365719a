#include "classifiers/zoo/local_noise.hpp"

#include <ATen/Parallel.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace braggbench {
namespace {

namespace F = torch::nn::functional;

// The background is estimated on blocks of 4 x 4 px, each averaged with its neighbours to a window of 5 x 5 blocks.
constexpr int block_px = 4;
constexpr int reach_blocks = 2;
// Variance of read-out noise, in photons, that the square root allows for (the generalised Anscombe transform, Murtagh,
// Starck & Bijaoui 1995, A&AS 112, 179): values that noise takes below zero keep their order.
constexpr float read_variance = 3.0F;
constexpr float anscombe = 0.375F;
// What little noise there is on an empty or flat area is not magnified beyond this variance of the fourth root; a
// twentieth of what one photon of read-out noise makes of an empty one.
constexpr float least_variance = 5e-4F;

torch::Tensor whole_blocks(const torch::Tensor& photons) {
    const auto missing = [](std::int64_t size) { return (block_px - size % block_px) % block_px; };
    const auto rows = missing(photons.size(2));
    const auto columns = missing(photons.size(3));
    if (rows == 0 && columns == 0) return photons;
    return F::pad(photons, F::PadFuncOptions({0, columns, 0, rows}).mode(torch::kReplicate));
}

// A square root makes Poisson noise nearly alike at every level; the second one keeps a spot of 10 000 photons within
// some tens of sigma.
torch::Tensor fourth_root(const torch::Tensor& photons) {
    return torch::sqrt(torch::sqrt(torch::clamp_min(photons, -read_variance) + (read_variance + anscombe)));
}

using Image = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Over the 5 rows around each row, fewer at the border.
Image average_of_rows(const Image& image) {
    Image averages(image.rows(), image.cols());
    for (Eigen::Index row = 0; row < image.rows(); ++row) {
        const auto first = std::max<Eigen::Index>(0, row - reach_blocks);
        const auto last = std::min(image.rows() - 1, row + reach_blocks);
        averages.row(row) = image.row(first);
        for (auto other = first + 1; other <= last; ++other) averages.row(row) += image.row(other);
        averages.row(row) *= 1.0F / static_cast<float>(last - first + 1);
    }
    return averages;
}

Image average_window(const Image& blocks) {
    const Image turned = average_of_rows(blocks).transpose();
    return average_of_rows(turned).transpose();
}

struct Moments {
    Image mean, inverse_variance;
};

// Of every block of the fourth root, which goes to `roots`.
Moments block_moments(const Eigen::Map<const Image>& photons, Eigen::Map<Image>& roots) {
    constexpr float share = 1.0F / (block_px * block_px);
    Moments moments{Image(photons.rows() / block_px, photons.cols() / block_px), {}};
    moments.inverse_variance.resizeLike(moments.mean);
    Eigen::ArrayXf sums(photons.cols());
    Eigen::ArrayXf squares(photons.cols());
    for (Eigen::Index row = 0; row < moments.mean.rows(); ++row) {
        sums.setZero();
        squares.setZero();
        for (auto line = row * block_px; line < (row + 1) * block_px; ++line) {
            roots.row(line) = (photons.row(line).max(-read_variance) + (read_variance + anscombe)).sqrt().sqrt();
            sums += roots.row(line).transpose();
            squares += roots.row(line).transpose().square();
        }
        for (Eigen::Index column = 0; column < moments.mean.cols(); ++column) {
            const float mean = sums.segment<block_px>(column * block_px).sum() * share;
            const float square = squares.segment<block_px>(column * block_px).sum() * share;
            moments.mean(row, column) = mean;
            moments.inverse_variance(row, column) = 1.0F / std::max(square - mean * mean, least_variance);
        }
    }
    return moments;
}

void one_image(const Eigen::Map<const Image>& photons, Eigen::Map<Image> pixels, float* level, PixelScale scale) {
    const auto blocks = block_moments(photons, pixels);
    const Image mean = average_window(blocks.mean);
    const Image inverse_variance = average_window(blocks.inverse_variance);
    Eigen::Map<Image>(level, mean.rows(), mean.cols()) = mean.log();
    Eigen::Map<Image>(level + mean.size(), mean.rows(), mean.cols()) = -0.5F * inverse_variance.log();
    if (scale == PixelScale::fourth_root) return;
    Eigen::ArrayXf means(pixels.cols());
    Eigen::ArrayXf factors(pixels.cols());
    for (Eigen::Index row = 0; row < mean.rows(); ++row) {
        for (Eigen::Index column = 0; column < mean.cols(); ++column) {
            means.segment<block_px>(column * block_px).setConstant(mean(row, column));
            factors.segment<block_px>(column * block_px).setConstant(std::sqrt(inverse_variance(row, column)));
        }
        for (auto line = row * block_px; line < (row + 1) * block_px; ++line) {
            pixels.row(line) = (pixels.row(line) - means.transpose()) * factors.transpose();
        }
    }
}

}  // namespace

LocalNoise local_noise(const torch::Tensor& photons, PixelScale scale) {
    const bool plain = photons.is_cpu() && photons.scalar_type() == torch::kFloat32 &&
                       !(torch::GradMode::is_enabled() && photons.requires_grad()) && !torch::jit::tracer::isTracing();
    if (!plain) return local_noise_by_operators(photons, scale);
    const auto whole = whole_blocks(photons).contiguous();
    const auto height = whole.size(2);
    const auto width = whole.size(3);
    LocalNoise result;
    // With one channel the strides are all that tells convolutions to go on with channels last, which they do in half
    // the time.
    result.pixels = torch::empty_strided(whole.sizes(), {height * width, 1, width, 1}, whole.options());
    result.level = torch::empty({whole.size(0), 2, height / block_px, width / block_px}, whole.options());
    const float* from = whole.data_ptr<float>();
    float* to = result.pixels.data_ptr<float>();
    float* level = result.level.data_ptr<float>();
    const auto levels = 2 * (height / block_px) * (width / block_px);
    at::parallel_for(0, whole.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
            one_image({from + i * height * width, height, width}, {to + i * height * width, height, width},
                      level + i * levels, scale);
        }
    });
    return result;
}

// Contrast in units of the local noise is what stays comparable when a detector's gain is not well known or a view was
// reduced by maxima. The noise of a window is the harmonic mean of its blocks' variances, which spots in a few of them
// hardly move.
LocalNoise local_noise_by_operators(const torch::Tensor& photons, PixelScale scale) {
    constexpr int window_blocks = 2 * reach_blocks + 1;
    const auto root = fourth_root(whole_blocks(photons));
    // A convolution is several times faster here than avg_pool2d.
    const auto box = torch::full({1, 1, block_px, block_px}, 1.0 / (block_px * block_px), root.options());
    const auto mean = torch::conv2d(root, box, {}, block_px);
    const auto variance = torch::clamp_min(torch::conv2d(root * root, box, {}, block_px) - mean * mean, least_variance);
    // The window shrinks at the border: the sum over it is divided by how much of it there is.
    const auto ones = torch::ones({1, 1, window_blocks, window_blocks}, root.options());
    const auto inside = torch::conv2d(torch::ones({1, 1, mean.size(2), mean.size(3)}, root.options()), ones, {},
                                      /*stride=*/1, /*padding=*/reach_blocks);
    const auto window = [&](const torch::Tensor& blocks) {
        return torch::conv2d(blocks, ones, {}, /*stride=*/1, /*padding=*/reach_blocks) / inside;
    };
    const auto window_mean = window(mean);
    const auto inverse_variance = window(1.0 / variance);
    LocalNoise result;
    result.level = torch::cat({torch::log(window_mean), -0.5 * torch::log(inverse_variance)}, 1);
    if (scale == PixelScale::fourth_root) {
        result.pixels = root;
        return result;
    }
    const auto rows = mean.size(2);
    const auto columns = mean.size(3);
    const auto spread = [&](const torch::Tensor& blocks) { return blocks.view({-1, 1, rows, 1, columns, 1}); };
    const auto blocks = root.view({-1, 1, rows, block_px, columns, block_px});
    const auto sigmas = (blocks - spread(window_mean)) * spread(torch::sqrt(inverse_variance));
    result.pixels = sigmas.view({-1, 1, rows * block_px, columns * block_px});
    return result;
}

}  // namespace braggbench
