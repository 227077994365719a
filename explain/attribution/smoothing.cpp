#include "explain/attribution/smoothing.hpp"

#include <algorithm>

#include "explain/attribution/cam.hpp"
#include "explain/random_stages.hpp"

namespace braggbench {
namespace {

// Undefined from the first undefined summand on.
void add_to(torch::Tensor& sum, const torch::Tensor& summand, bool first) {
    if (first) {
        sum = summand;
    } else if (sum.defined() && summand.defined()) {
        sum += summand;
    } else {
        sum = torch::Tensor();
    }
}

}  // namespace

SmoothPass smooth_pass(Classifier& model, const torch::Tensor& photons, const std::vector<int>& outputs,
                       InputGradient with_input, const SmoothingOptions& options) {
    const torch::NoGradGuard no_gradients;
    const torch::Tensor deviation = options.noise * torch::sqrt(torch::clamp_min(photons, 0.0) + 1.0);
    torch::Tensor noise = torch::empty({photons.size(2), photons.size(3)});
    SmoothPass smooth;
    for (int sample = 0; sample < options.samples; ++sample) {
        RandomStream random(options.seed, static_cast<std::uint64_t>(sample), stage_smooth_grad);
        std::generate_n(noise.data_ptr<float>(), noise.numel(), [&] { return static_cast<float>(random.normal()); });
        GradientPass pass = gradient_pass(model, photons + noise * deviation, outputs, with_input);
        const bool first = sample == 0;
        add_to(smooth.input_gradient, pass.input_gradient, first);
        smooth.hires_cams.resize(pass.trace.stages.size());
        for (std::size_t i = 0; i < pass.trace.stages.size(); ++i) {
            const torch::Tensor& gradient = pass.stage_gradients[i];
            add_to(smooth.hires_cams[i],
                   gradient.defined()
                       ? class_activation_map(AttributionMethod::hires_cam, pass.trace.stages[i].activation, gradient)
                       : torch::Tensor(),
                   first);
        }
        smooth.stages = std::move(pass.trace.stages);
    }
    if (smooth.input_gradient.defined()) smooth.input_gradient /= options.samples;
    for (torch::Tensor& map : smooth.hires_cams) {
        if (map.defined()) map /= options.samples;
    }
    return smooth;
}

}  // namespace braggbench
