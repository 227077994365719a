#include "explain/attribution.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "classifiers/model.hpp"
#include "explain/attribution/cam.hpp"
#include "explain/attribution/gradient_pass.hpp"
#include "explain/attribution/guided_relu.hpp"
#include "explain/attribution/smoothing.hpp"
#include "explain/registration.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using Maps = std::vector<std::vector<StageMap>>;

AttributionStatus status_of(const Image<float>& map) {
    if (!std::ranges::all_of(map.pixels, [](float value) { return std::isfinite(value); })) {
        return AttributionStatus::non_finite;
    }
    const bool zero = std::ranges::all_of(map.pixels, [](float value) { return value == 0.0F; });
    return zero ? AttributionStatus::all_zero : AttributionStatus::ok;
}

// One map per image of a batch; an undefined tensor stands for zeros of the given size.
struct BatchMap {
    std::string stage;
    AttributionMethod method;
    torch::Tensor maps;  // (N, h, w)
    int width = 0;
    int height = 0;
    double stride_px = 1.0;
    double start_px = 0.0;
};

void append(Maps& maps, const BatchMap& added) {
    for (std::size_t i = 0; i < maps.size(); ++i) {
        StageMap map{added.stage, added.method, {}, added.stride_px, added.start_px, AttributionStatus::no_gradient};
        if (added.maps.defined()) {
            map.map = to_image(added.maps, static_cast<std::int64_t>(i));
            map.status = status_of(map.map);
        } else {
            map.map = Image<float>(added.width, added.height);
        }
        maps[i].push_back(std::move(map));
    }
}

bool asks(const AttributionOptions& options, AttributionMethod method) {
    return std::ranges::find(options.methods, method) != options.methods.end();
}

template <class Property>
bool asks_any(const AttributionOptions& options, Property property) {
    return std::ranges::any_of(options.methods,
                               [&](AttributionMethod method) { return property(method_entry(method)); });
}

void check(const std::vector<Image<float>>& photons, const std::vector<int>& outputs,
           const AttributionOptions& options) {
    if (photons.size() != outputs.size()) {
        throw UsageError(
            fmt::format("{} images but {} outputs (each image's output must be named). Give one per image.",
                        photons.size(), outputs.size()));
    }
    if (!options.references.empty() && options.references.size() != photons.size()) {
        throw UsageError(
            fmt::format("{} images but {} references (each image has its own). Give one per image or none.",
                        photons.size(), options.references.size()));
    }
    if (options.smooth_samples < 1 || options.integration_steps < 1 || !(options.smooth_noise >= 0.0)) {
        throw UsageError(
            fmt::format("{} noisy copies with noise {} and {} steps of integration (at least one copy and "
                        "step, and noise not below zero). Give such numbers.",
                        options.smooth_samples, options.smooth_noise, options.integration_steps));
    }
}

void check_stages(const std::vector<TraceStage>& stages, const std::vector<std::string>& asked) {
    std::vector<std::string> known;
    for (const TraceStage& stage : stages) known.push_back(stage.name);
    for (const std::string& name : asked) {
        if (std::ranges::find(known, name) != known.end()) continue;
        throw UsageError(fmt::format("stage '{}' (the network has none of that name). {}", name,
                                     known.empty()
                                         ? "Its stages are not known: use methods that make maps of the input."
                                         : fmt::format("Choose among: {}.", fmt::join(known, ", "))));
    }
}

void add_stage_maps(Maps& maps, const GradientPass& pass, const SmoothPass& smooth, const AttributionOptions& options) {
    const std::vector<TraceStage>& stages = pass.trace.stages.empty() ? smooth.stages : pass.trace.stages;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const TraceStage& stage = stages[i];
        if (!options.stages.empty() && std::ranges::find(options.stages, stage.name) == options.stages.end()) continue;
        for (const AttributionMethod method : options.methods) {
            if (method_entry(method).place != MapPlace::stage) continue;
            torch::Tensor map;
            if (method == AttributionMethod::smooth_hires_cam) {
                map = smooth.hires_cams[i];
            } else if (const torch::Tensor& gradient = pass.stage_gradients[i]; gradient.defined()) {
                map = class_activation_map(method, stage.activation, gradient);
            }
            append(maps, {stage.name, method, map, static_cast<int>(stage.activation.size(3)),
                          static_cast<int>(stage.activation.size(2)), stage.stride_px, stage.start_px});
        }
    }
}

torch::Tensor integrated_gradient(Classifier& model, const torch::Tensor& photons, const torch::Tensor& reference,
                                  const std::vector<int>& outputs, int steps) {
    torch::Tensor sum;
    for (int step = 0; step < steps; ++step) {
        // The midpoint rule: gradients of rectifiers jump, and rules of higher order gain nothing.
        const double share = (step + 0.5) / steps;
        const torch::Tensor between = reference + share * (photons - reference);
        const torch::Tensor gradient = gradient_pass(model, between, outputs, InputGradient::yes).input_gradient;
        if (!gradient.defined()) return {};
        sum = sum.defined() ? sum + gradient : gradient;
    }
    return sum * (photons - reference) / steps;
}

// Grad-CAM of the last stage at the input's pixels, positive part.
torch::Tensor coarse_mask(const GradientPass& pass, const torch::Tensor& photons) {
    if (pass.trace.stages.empty() || !pass.stage_gradients.back().defined()) return {};
    const TraceStage& last = pass.trace.stages.back();
    const torch::Tensor cam =
        class_activation_map(AttributionMethod::grad_cam, last.activation, pass.stage_gradients.back());
    std::vector<Image<float>> registered;
    for (std::int64_t i = 0; i < photons.size(0); ++i) {
        registered.push_back(register_grid(to_image(cam, i), last.stride_px, last.start_px,
                                           static_cast<int>(photons.size(3)), static_cast<int>(photons.size(2))));
    }
    return torch::relu(to_batch(registered));
}

std::vector<Image<float>> black_box_maps(AttributionMethod method, Classifier& model,
                                         const std::vector<Image<float>>& photons, const std::vector<int>& outputs,
                                         const AttributionOptions& options) {
    std::vector<Image<float>> maps;
    for (std::size_t i = 0; i < photons.size(); ++i) {
        const Image<float> reference =
            options.references.empty() ? Image<float>(photons[i].width, photons[i].height) : options.references[i];
        const ScoreFunction score = [&model, output = outputs[i]](const std::vector<Image<float>>& images) {
            return output_values(model, images, output);
        };
        maps.push_back(method == AttributionMethod::occlusion
                           ? occlusion_map(photons[i], reference, score, options.occlusion)
                           : rise_map(photons[i], reference, score, options.rise, options.seed));
    }
    return maps;
}

}  // namespace

std::string to_string(AttributionStatus status) {
    switch (status) {
        case AttributionStatus::ok:
            return "ok";
        case AttributionStatus::all_zero:
            return "all_zero";
        case AttributionStatus::non_finite:
            return "non_finite";
        case AttributionStatus::no_gradient:
            return "no_gradient";
    }
    throw std::logic_error("unknown map status");
}

std::vector<std::vector<StageMap>> attribute(Classifier& model, const std::vector<Image<float>>& photons,
                                             const std::vector<int>& outputs, const AttributionOptions& options) {
    using enum AttributionMethod;
    check(photons, outputs, options);
    Maps maps(photons.size());
    if (photons.empty() || options.methods.empty()) return maps;
    const EvaluationMode evaluation(model);
    const torch::Tensor input = to_batch(photons);
    const torch::Tensor reference =
        options.references.empty() ? torch::zeros_like(input) : to_batch(options.references);
    if (reference.sizes() != input.sizes()) {
        throw UsageError("references of another size than the images. Give references in the images' view.");
    }

    GradientPass plain;
    if (asks_any(options, [](const MethodEntry& entry) { return entry.cost != MethodCost::many_passes; })) {
        const bool with_input = asks(options, saliency) || asks(options, input_x_gradient);
        plain = gradient_pass(model, input, outputs, with_input ? InputGradient::yes : InputGradient::no);
        check_stages(plain.trace.stages, options.stages);
    }
    GradientPass guided;
    if (asks_any(options, [](const MethodEntry& entry) { return entry.cost == MethodCost::own_pass; })) {
        const GuidedReluMode guided_relu;
        guided = gradient_pass(model, input, outputs, InputGradient::yes);
    }

    SmoothPass smooth;
    if (asks(options, smooth_grad) || asks(options, smooth_hires_cam)) {
        smooth = smooth_pass(model, input, outputs, asks(options, smooth_grad) ? InputGradient::yes : InputGradient::no,
                             {options.smooth_samples, options.smooth_noise, options.seed});
        check_stages(smooth.stages, options.stages);
    }

    const torch::NoGradGuard no_gradients;
    add_stage_maps(maps, plain, smooth, options);
    const auto at_input = [&](AttributionMethod method, const torch::Tensor& map) {
        append(maps, {input_stage, method, map.defined() ? map.squeeze(1) : map, photons.front().width,
                      photons.front().height});
    };
    for (const AttributionMethod method : options.methods) {
        switch (method) {
            case grad_cam:
            case hires_cam:
            case layer_cam:
            case grad_cam_pp:
            case smooth_hires_cam:
                break;
            case saliency:
                at_input(method, plain.input_gradient.defined() ? plain.input_gradient.abs() : torch::Tensor());
                break;
            case input_x_gradient:
                at_input(method,
                         plain.input_gradient.defined() ? plain.input_gradient * (input - reference) : torch::Tensor());
                break;
            case smooth_grad:
                at_input(method, smooth.input_gradient.defined() ? smooth.input_gradient.abs() : torch::Tensor());
                break;
            case integrated_gradients:
                at_input(method, integrated_gradient(model, input, reference, outputs, options.integration_steps));
                break;
            case guided_backprop:
                at_input(method, guided.input_gradient);
                break;
            case guided_grad_cam: {
                const torch::Tensor mask = coarse_mask(plain, input);
                const bool defined = mask.defined() && guided.input_gradient.defined();
                at_input(method, defined ? mask * guided.input_gradient : torch::Tensor());
                break;
            }
            case occlusion:
            case rise:
                at_input(method, to_batch(black_box_maps(method, model, photons, outputs, options)));
                break;
        }
    }
    return maps;
}

std::vector<double> output_values(Classifier& model, const std::vector<Image<float>>& photons, int output) {
    if (photons.empty()) return {};
    const EvaluationMode evaluation(model);
    const torch::NoGradGuard no_gradients;
    const torch::Tensor logits = model.forward(to_batch(photons));
    if (output < 0 || output >= logits.size(1)) {
        throw UsageError(fmt::format("output {} does not exist (the model has {}). Give 0 to {}.", output,
                                     logits.size(1), logits.size(1) - 1));
    }
    const torch::Tensor values = logits.select(1, output).to(torch::kFloat64).contiguous();
    return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

Image<float> register_to_input(const StageMap& map, int width_px, int height_px) {
    return register_grid(map.map, map.stride_px, map.start_px, width_px, height_px);
}

}  // namespace braggbench
