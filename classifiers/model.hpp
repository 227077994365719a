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
    torch::Tensor logits;            // (N, outputs of all heads), before softmax, sigmoid or scaling
    torch::Tensor features = {};     // (N, F), what the last linear layer sees; undefined where that is not known
};

// Where the units of a feature map lie on the input, in pixel indices.
struct Registration {
    double stride_px = 1.0;
    double start_px = 0.0;
    // After a convolution or pooling of this kernel, stride and zero padding along both axes (Dumoulin & Visin 2016,
    // arXiv 1603.07285; the recurrence is that of receptive-field centres).
    [[nodiscard]] Registration after(int kernel, int stride, int padding) const;
};

// What a network is made for.
struct ModelShape {
    int output_count = 2;  // of all heads (classifiers/heads.hpp)
    int height_px = 512;   // of its input; most networks take any other size as well
    int width_px = 512;
};

// Input x: (N, 1, H, W) float32, photons per pixel of a View, of a size that the network was made for.
class Classifier : public torch::nn::Module {
public:
    virtual Trace trace(const torch::Tensor& photons) = 0;
    torch::Tensor forward(const torch::Tensor& photons) { return trace(photons).logits; }
};

struct ZooEntry {
    std::string name;
    std::string description;
    int min_size_px;  // of the input's edges
    std::shared_ptr<Classifier> (*make)(const ModelShape& shape);
};
const std::vector<ZooEntry>& model_zoo();
// Throws UsageError naming the nearest model.
const ZooEntry& zoo_entry(const std::string& name);
// Weights are drawn from torch's default generator: torch::manual_seed() first for reproducible ones. Throws UsageError
// as zoo_entry() does, and for an input that is too small.
std::shared_ptr<Classifier> make_model(const std::string& name, const ModelShape& shape);

// Trainable weights and biases.
std::int64_t parameter_count(const Classifier& network);

}  // namespace braggbench
