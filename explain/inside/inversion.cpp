#include "explain/inside/inversion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "classifiers/model.hpp"
#include "explain/attribution/gradient_pass.hpp"
#include "explain/random_stages.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr double anscombe = 0.375;
constexpr double start_noise = 0.1;  // in deviations of the roots

double root_of(float photons) { return std::sqrt(std::max(static_cast<double>(photons), 0.0) + anscombe); }

void check(const RootScale& scale, const InversionOptions& options) {
    const bool weights = std::ranges::all_of(options.tv_weights, [](double weight) { return weight >= 0.0; });
    if (options.tv_weights.empty() || !weights || options.starts < 1 || options.steps < 1 ||
        !(options.range_weight >= 0.0) || !(options.tv_beta > 0.0) || !(options.range_alpha >= 1.0) ||
        !(options.reach > 0.0) || !(scale.deviation > 0.0) || !(scale.range > 0.0)) {
        throw UsageError(
            fmt::format("an inversion with weights of the total variation {}, {} starts and {} steps (at least one of "
                        "each, no weight below 0, positive powers, reach and scale). Give such numbers.",
                        fmt::join(options.tv_weights, ", "), options.starts, options.steps));
    }
}

torch::Tensor stage_of(const Trace& trace, const std::string& name) {
    std::vector<std::string> known;
    for (const TraceStage& stage : trace.stages) {
        if (stage.name == name) return stage.activation;
        known.push_back(stage.name);
    }
    throw UsageError(fmt::format(
        "stage '{}' (the network has none of that name). {}", name,
        known.empty() ? "Its stages are not known." : fmt::format("Choose among: {}.", fmt::join(known, ", "))));
}

// The root may pass 0, and keeps its gradient there.
torch::Tensor photons_of(const torch::Tensor& x, const RootScale& scale) {
    const torch::Tensor root = scale.mean + scale.deviation * x;
    return root * root.abs() - anscombe;
}

// (K): of each image.
torch::Tensor total_variation(const torch::Tensor& x, double beta) {
    const torch::Tensor along = torch::constant_pad_nd(x.slice(3, 1) - x.slice(3, 0, -1), {0, 1, 0, 0});
    const torch::Tensor down = torch::constant_pad_nd(x.slice(2, 1) - x.slice(2, 0, -1), {0, 0, 0, 1});
    // A root has no slope at 0.
    return torch::pow(along * along + down * down + 1e-8, beta / 2.0).sum({1, 2, 3});
}

struct Problem {
    Classifier& model;
    const std::string& stage;
    torch::Tensor wanted;      // (1, C, h, w)
    torch::Tensor wanted_sq;   // |Phi0|^2
    torch::Tensor tv_weights;  // (K)
    RootScale scale;
    const InversionOptions& options;

    struct Terms {
        torch::Tensor feature_error;  // (K)
        torch::Tensor objective;      // (K)
    };
    [[nodiscard]] Terms terms(const torch::Tensor& x) const {
        const torch::Tensor found = stage_of(model.trace(photons_of(x, scale)), stage);
        const torch::Tensor difference = (found - wanted).flatten(1);
        Terms result;
        result.feature_error = (difference * difference).sum(1) / wanted_sq;
        // The squared norm of a typical image in these units.
        const auto norm = static_cast<double>(x.size(2) * x.size(3));
        const torch::Tensor range = torch::pow(x.abs() / scale.range, options.range_alpha).sum({1, 2, 3});
        result.objective = result.feature_error + (0.5 / norm) * (tv_weights * total_variation(x, options.tv_beta) +
                                                                  options.range_weight * range);
        return result;
    }
};

torch::Tensor starting_noise(std::int64_t count, std::int64_t height, std::int64_t width,
                             const InversionOptions& options) {
    torch::Tensor x = torch::empty({count, 1, height, width});
    for (std::int64_t k = 0; k < count; ++k) {
        // The same starts for all weights.
        RandomStream random(options.seed, static_cast<std::uint64_t>(k % options.starts), stage_inversion_start);
        std::generate_n(x[k].data_ptr<float>(), height * width,
                        [&] { return static_cast<float>(start_noise * random.normal()); });
    }
    return x;
}

// Adam (Kingma & Ba 2015) with a rate that falls along a cosine. Each image's steps are its own.
void descend(const Problem& problem, torch::Tensor& x, const std::function<void()>& step) {
    torch::Tensor mean = torch::zeros_like(x);
    torch::Tensor square = torch::zeros_like(x);
    // Adam's steps are about as long as the rate, which along the cosine is half of this on average.
    const double highest_rate = 2.0 * problem.options.reach * problem.scale.range / problem.options.steps;
    for (int i = 0; i < problem.options.steps; ++i) {
        torch::Tensor variable = x.detach().requires_grad_();
        const torch::Tensor gradient =
            torch::autograd::grad({problem.terms(variable).objective.sum()}, {variable}).front();
        const torch::NoGradGuard no_gradients;
        mean = 0.9 * mean + 0.1 * gradient;
        square = 0.999 * square + 0.001 * gradient * gradient;
        const double rate = 0.5 * highest_rate * (1.0 + std::cos(std::numbers::pi * i / problem.options.steps));
        x = x - rate * (mean / (1.0 - std::pow(0.9, i + 1))) /
                    (torch::sqrt(square / (1.0 - std::pow(0.999, i + 1))) + 1e-8);
        if (step) step();
    }
}

}  // namespace

std::string to_string(InversionStatus status) {
    switch (status) {
        case InversionStatus::ok:
            return "ok";
        case InversionStatus::no_gradient:
            return "no_gradient";
        case InversionStatus::empty:
            return "empty";
        case InversionStatus::non_finite:
            return "non_finite";
    }
    throw std::logic_error("unknown inversion status");
}

RootScale root_scale(std::span<const Image<float>> photons) {
    double sum = 0.0;
    double squares = 0.0;
    double low = 0.0;
    double high = 0.0;
    std::size_t count = 0;
    for (const Image<float>& image : photons) {
        for (const float value : image.pixels) {
            const double root = root_of(value);
            low = count == 0 ? root : std::min(low, root);
            high = count == 0 ? root : std::max(high, root);
            sum += root;
            squares += root * root;
            ++count;
        }
    }
    if (count == 0) throw UsageError("a scale of roots without images (there is nothing to measure). Give some.");
    RootScale scale;
    scale.mean = sum / static_cast<double>(count);
    const double variance = squares / static_cast<double>(count) - scale.mean * scale.mean;
    // A flat set of images has no scale of its own.
    scale.deviation = variance > 1e-12 ? std::sqrt(variance) : 1.0;
    scale.range = std::max({high - scale.mean, scale.mean - low, scale.deviation}) / scale.deviation;
    return scale;
}

std::vector<Inversion> invert(Classifier& model, const std::string& stage, const Image<float>& photons,
                              const RootScale& scale, const InversionOptions& options,
                              const std::function<void()>& step) {
    check(scale, options);
    const EvaluationMode evaluation(model);
    const torch::AutoGradMode gradients_on(true);
    const auto weights = static_cast<std::int64_t>(options.tv_weights.size());
    const std::int64_t count = weights * options.starts;
    std::vector<Inversion> inversions(static_cast<std::size_t>(count));
    std::vector<double> weight_of_each;
    for (std::size_t k = 0; k < inversions.size(); ++k) {
        inversions[k].tv_weight = options.tv_weights[k / static_cast<std::size_t>(options.starts)];
        inversions[k].start = static_cast<int>(k % static_cast<std::size_t>(options.starts));
        weight_of_each.push_back(inversions[k].tv_weight);
    }
    const auto give_up = [&](InversionStatus status) {
        for (Inversion& inversion : inversions) inversion.status = status;
        return inversions;
    };

    const torch::Tensor input = to_batch({photons});
    const torch::Tensor wanted = stage_of(model.trace(input), stage).detach();
    const torch::Tensor wanted_sq = (wanted * wanted).sum();
    if (!std::isfinite(wanted_sq.item<double>())) return give_up(InversionStatus::non_finite);
    if (wanted_sq.item<double>() == 0.0) return give_up(InversionStatus::empty);
    {
        torch::Tensor variable = input.clone().requires_grad_();
        const torch::Tensor activation = stage_of(model.trace(variable), stage);
        const bool differentiable =
            activation.requires_grad() &&
            torch::autograd::grad({activation.sum()}, {variable}, {}, {}, false, /*allow_unused=*/true)
                .front()
                .defined();
        if (!differentiable) return give_up(InversionStatus::no_gradient);
    }
    const Problem problem{model, stage,  wanted, wanted_sq, torch::tensor(weight_of_each).to(torch::kFloat32),
                          scale, options};
    torch::Tensor x = starting_noise(count, input.size(2), input.size(3), options);
    const auto errors = [&](const torch::Tensor& values) {
        const torch::NoGradGuard no_gradients;
        return problem.terms(values);
    };
    const torch::Tensor noise_error = errors(x).feature_error;
    descend(problem, x, step);
    const auto reached = errors(x);
    const torch::Tensor images = photons_of(x, scale).squeeze(1);
    for (std::size_t k = 0; k < inversions.size(); ++k) {
        Inversion& inversion = inversions[k];
        const auto row = static_cast<std::int64_t>(k);
        inversion.feature_error = reached.feature_error[row].item<double>();
        inversion.noise_error = noise_error[row].item<double>();
        inversion.objective = reached.objective[row].item<double>();
        if (!std::isfinite(inversion.objective)) {
            inversion.status = InversionStatus::non_finite;
        } else {
            inversion.photons = to_image(images, row);
        }
    }
    return inversions;
}

double root_correlation(const Image<float>& one, const Image<float>& other, const Image<std::uint8_t>& valid) {
    double n = 0.0;
    double a = 0.0;
    double b = 0.0;
    double aa = 0.0;
    double bb = 0.0;
    double ab = 0.0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        if (valid.pixels[i] == 0) continue;
        const double x = root_of(one.pixels[i]);
        const double y = root_of(other.pixels[i]);
        n += 1.0;
        a += x;
        b += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    // Less than rounding leaves of the squares is no spread.
    const double one_spread = aa - a * a / n;
    const double other_spread = bb - b * b / n;
    if (!(one_spread > 1e-12 * aa) || !(other_spread > 1e-12 * bb)) return 0.0;
    return (ab - a * b / n) / std::sqrt(one_spread * other_spread);
}

}  // namespace braggbench
