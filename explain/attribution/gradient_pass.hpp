// One forward and one backward pass of a network for a batch of images: the gradients that maps are made of. Torch
// header.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "classifiers/model.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// Evaluation mode while it lives, then every submodule as it was.
class EvaluationMode {
public:
    explicit EvaluationMode(Classifier& model);
    ~EvaluationMode();
    EvaluationMode(const EvaluationMode&) = delete;
    EvaluationMode& operator=(const EvaluationMode&) = delete;

private:
    std::vector<std::shared_ptr<torch::nn::Module>> submodules_;
    Classifier& model_;
    std::vector<bool> was_training_;
    bool changed_;
};

// (N, 1, height, width). Throws UsageError for images of several sizes.
torch::Tensor to_batch(const std::vector<Image<float>>& images);

// One image of an (N, h, w) tensor.
Image<float> to_image(const torch::Tensor& maps, std::int64_t index);

struct GradientPass {
    Trace trace;
    std::vector<torch::Tensor> stage_gradients;  // undefined where the outputs do not depend on the stage
    torch::Tensor input_gradient;                // likewise; undefined if it was not asked for
};
enum class InputGradient : bool { no, yes };

// Gradients of the sum over i of logits(i, outputs[i]), which are each image's own: in evaluation mode, which the
// caller sees to, images of a batch do not mix. One autograd::grad call; nothing is written into the model.
GradientPass gradient_pass(Classifier& model, const torch::Tensor& photons, const std::vector<int>& outputs,
                           InputGradient with_input);

}  // namespace braggbench
