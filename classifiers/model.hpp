// The contract of every network: `trace` gives named stages and logits, `forward` is its logits. Torch header: include
// only from .cpp files of classifiers, explain and above.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace braggbench {

// Activations (N, C, H, W) of one stage. Unit (i, j) looks at the input around pixel centre
// start_px + stride_px * (j, i), counted in pixel indices (pixel 0's centre is 0).
struct TraceStage {
    std::string name;
    torch::Tensor activation;
    double stride_px = 1.0;
    double start_px = 0.0;
};

struct Trace {
    std::vector<TraceStage> stages;  // from the input side to the output side
    torch::Tensor logits;            // (N, classes), before softmax
};

// Where the units of a feature map lie on the input, in pixel indices.
struct Registration {
    double stride_px = 1.0;
    double start_px = 0.0;
    // After a convolution or pooling of this kernel, stride and zero padding along both axes (Dumoulin & Visin 2016,
    // arXiv 1603.07285; the recurrence is that of receptive-field centres).
    [[nodiscard]] Registration after(int kernel, int stride, int padding) const;
};

// Input x: (N, 1, H, W) float32, photons per pixel of a View; H and W at least 32.
class Classifier : public torch::nn::Module {
public:
    virtual Trace trace(const torch::Tensor& photons) = 0;
    torch::Tensor forward(const torch::Tensor& photons) { return trace(photons).logits; }
};

struct ZooEntry {
    std::string name;
    std::string description;
    std::shared_ptr<Classifier> (*make)(int class_count);
};
const std::vector<ZooEntry>& model_zoo();
// Weights are drawn from torch's default generator: torch::manual_seed() first for reproducible ones. Throws UsageError
// naming the nearest model, or for fewer than two classes.
std::shared_ptr<Classifier> make_model(const std::string& name, int class_count);

// Trainable weights and biases.
std::int64_t parameter_count(const Classifier& network);

}  // namespace braggbench
