#include "explain/attribution.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "classifiers/model.hpp"
#include "explain/registration.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Evaluation mode for the time of an attribution, then whatever it was.
class EvalMode {
public:
    explicit EvalMode(torch::nn::Module& module) : module_(module), was_training_(module.is_training()) {
        module_.eval();
    }
    ~EvalMode() { module_.train(was_training_); }
    EvalMode(const EvalMode&) = delete;
    EvalMode& operator=(const EvalMode&) = delete;

private:
    torch::nn::Module& module_;
    bool was_training_;
};

torch::Tensor to_batch(const std::vector<Image<float>>& photons) {
    const int width = photons.front().width;
    const int height = photons.front().height;
    torch::Tensor batch = torch::empty({static_cast<std::int64_t>(photons.size()), 1, height, width}, torch::kFloat32);
    auto* target = batch.data_ptr<float>();
    for (const Image<float>& image : photons) {
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

// One image of an (N, h, w) float tensor on the CPU.
Image<float> to_image(const torch::Tensor& maps, std::int64_t index) {
    const torch::Tensor map = maps[index].contiguous();
    Image<float> image(static_cast<int>(map.size(1)), static_cast<int>(map.size(0)));
    std::copy_n(map.data_ptr<float>(), image.size(), image.pixels.begin());
    return image;
}

torch::Tensor combine(AttributionMethod method, const torch::Tensor& activation, const torch::Tensor& gradient) {
    switch (method) {
        case AttributionMethod::grad_cam:  // Selvaraju et al. 2017, without its final ReLU: the map stays signed
            return (gradient.mean({2, 3}, /*keepdim=*/true) * activation).sum(1);
        case AttributionMethod::hires_cam:  // Draelos and Carin 2020
            return (gradient * activation).sum(1);
    }
    throw std::logic_error("unknown attribution method");
}

}  // namespace

std::string to_string(AttributionMethod method) {
    return method == AttributionMethod::grad_cam ? "grad_cam" : "hires_cam";
}

std::vector<std::vector<StageMap>> attribute(Classifier& model, const std::vector<Image<float>>& photons,
                                             const std::vector<int>& class_index) {
    if (photons.size() != class_index.size()) {
        throw UsageError(
            fmt::format("{} images but {} class indices (each image's logit must be named). Give one "
                        "class per image.",
                        photons.size(), class_index.size()));
    }
    if (photons.empty()) {
        return {};
    }
    const EvalMode eval_mode(model);
    const torch::AutoGradMode gradients_on(true);
    // The gradient flows through the input, so that stages depend on it even if all parameters are frozen.
    const torch::Tensor input = to_batch(photons).requires_grad_(true);
    const Trace trace = model.trace(input);

    const std::int64_t class_count = trace.logits.size(1);
    for (const int index : class_index) {
        if (index < 0 || index >= class_count) {
            throw UsageError(fmt::format("class {} does not exist (the model has {} classes). Give 0 to {}.", index,
                                         class_count, class_count - 1));
        }
    }
    const torch::Tensor classes =
        torch::tensor(std::vector<std::int64_t>(class_index.begin(), class_index.end())).unsqueeze(1);
    // Images of a batch do not mix in eval mode: the gradient of the sum is each image's own gradient.
    const torch::Tensor score = trace.logits.gather(1, classes.to(trace.logits.device())).sum();

    std::vector<torch::Tensor> reachable;
    for (const TraceStage& stage : trace.stages) {
        if (stage.activation.dim() != 4 || stage.activation.size(0) != input.size(0)) {
            throw std::logic_error("stage " + stage.name + ": an activation is (N, C, H, W)");
        }
        if (stage.activation.requires_grad()) {
            reachable.push_back(stage.activation);
        }
    }
    std::vector<torch::Tensor> gradients;
    if (!reachable.empty() && score.requires_grad()) {
        gradients = torch::autograd::grad({score}, reachable, /*grad_outputs=*/{}, /*retain_graph=*/false,
                                          /*create_graph=*/false, /*allow_unused=*/true);
    }

    const torch::NoGradGuard no_gradients;
    std::vector<std::vector<StageMap>> maps(photons.size());
    std::size_t next = 0;
    for (const TraceStage& stage : trace.stages) {
        torch::Tensor gradient;
        if (stage.activation.requires_grad() && !gradients.empty()) {
            gradient = gradients[next++];
        }
        if (!gradient.defined()) {
            gradient = torch::zeros_like(stage.activation);
        }
        for (const AttributionMethod method : {AttributionMethod::grad_cam, AttributionMethod::hires_cam}) {
            const torch::Tensor combined = combine(method, stage.activation, gradient).to(torch::kCPU, torch::kFloat32);
            for (std::size_t i = 0; i < maps.size(); ++i) {
                maps[i].push_back({stage.name, method, to_image(combined, static_cast<std::int64_t>(i)),
                                   stage.stride_px, stage.start_px});
            }
        }
    }
    return maps;
}

Image<float> register_to_input(const StageMap& map, int width_px, int height_px) {
    return register_grid(map.map, map.stride_px, map.start_px, width_px, height_px);
}

}  // namespace braggbench
