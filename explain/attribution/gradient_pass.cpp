#include "explain/attribution/gradient_pass.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simulator/error.hpp"

namespace braggbench {

EvaluationMode::EvaluationMode(Classifier& model) : submodules_(model.modules(false)), model_(model) {
    was_training_.push_back(model.is_training());
    for (const auto& submodule : submodules_) was_training_.push_back(submodule->is_training());
    changed_ = std::ranges::find(was_training_, true) != was_training_.end();
    if (changed_) model.eval();
}

EvaluationMode::~EvaluationMode() {
    if (!changed_) return;
    // From the outside in: train() also sets all that is below.
    model_.train(was_training_.front());
    for (std::size_t i = 0; i < submodules_.size(); ++i) submodules_[i]->train(was_training_[i + 1]);
}

torch::Tensor to_batch(const std::vector<Image<float>>& images) {
    const int width = images.front().width;
    const int height = images.front().height;
    torch::Tensor batch = torch::empty({static_cast<std::int64_t>(images.size()), 1, height, width}, torch::kFloat32);
    auto* target = batch.data_ptr<float>();
    for (const Image<float>& image : images) {
        if (image.width != width || image.height != height) {
            throw UsageError(
                fmt::format("cannot attribute {} x {} and {} x {} pixels in one batch (a batch has one "
                            "size). Bring the images to one view.",
                            width, height, image.width, image.height));
        }
        target = std::copy(image.pixels.begin(), image.pixels.end(), target);
    }
    return batch;
}

Image<float> to_image(const torch::Tensor& maps, std::int64_t index) {
    const torch::Tensor map = maps[index].to(torch::kFloat32).contiguous();
    Image<float> image(static_cast<int>(map.size(1)), static_cast<int>(map.size(0)));
    std::copy_n(map.data_ptr<float>(), image.size(), image.pixels.begin());
    return image;
}

GradientPass gradient_pass(Classifier& model, const torch::Tensor& photons, const std::vector<int>& outputs,
                           InputGradient with_input) {
    const torch::AutoGradMode gradients_on(true);
    GradientPass pass;
    torch::Tensor input = photons.detach();
    if (with_input == InputGradient::yes) input.requires_grad_();
    pass.trace = model.trace(input);
    // Stages usually depend on parameters that can be trained, and the input's own gradient, which costs as much as
    // that of all the rest, can be left out. Where parameters are frozen the gradient flows through the input.
    const auto is_differentiable = [](const TraceStage& stage) { return stage.activation.requires_grad(); };
    if (!input.requires_grad() && !std::ranges::all_of(pass.trace.stages, is_differentiable)) {
        input.requires_grad_();
        pass.trace = model.trace(input);
    }

    const std::int64_t output_count = pass.trace.logits.size(1);
    for (const int output : outputs) {
        if (output < 0 || output >= output_count) {
            throw UsageError(fmt::format("output {} does not exist (the model has {}). Give 0 to {}.", output,
                                         output_count, output_count - 1));
        }
    }
    std::vector<torch::Tensor> sources;
    for (const TraceStage& stage : pass.trace.stages) {
        if (stage.activation.dim() != 4 || stage.activation.size(0) != input.size(0)) {
            throw std::logic_error("stage " + stage.name + ": an activation is (N, C, H, W)");
        }
        if (stage.activation.requires_grad()) sources.push_back(stage.activation);
    }
    if (with_input == InputGradient::yes) sources.push_back(input);

    pass.stage_gradients.resize(pass.trace.stages.size());
    const torch::Tensor chosen = torch::tensor(std::vector<std::int64_t>(outputs.begin(), outputs.end())).unsqueeze(1);
    const torch::Tensor score = pass.trace.logits.gather(1, chosen).sum();
    if (sources.empty() || !score.requires_grad()) return pass;
    const auto gradients = torch::autograd::grad({score}, sources, /*grad_outputs=*/{}, /*retain_graph=*/false,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    auto next = gradients.begin();
    for (std::size_t i = 0; i < pass.trace.stages.size(); ++i) {
        if (is_differentiable(pass.trace.stages[i])) pass.stage_gradients[i] = *next++;
    }
    if (with_input == InputGradient::yes) pass.input_gradient = *next;
    return pass;
}

}  // namespace braggbench
