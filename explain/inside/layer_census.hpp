// Every convolution and dense layer of a network as it runs: what it receives, what it gives before its ReLU, and why
// the maps that are dead are dead. Torch header.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/model.hpp"

namespace braggbench {

enum class DeadCause : std::uint8_t {
    input,    // all that its weights look at is dead
    weights,  // whatever its inputs do within the ranges they were seen in, it stays at or below 0
    data      // it could fire on such inputs, but did for no image
};
std::string to_string(DeadCause cause);

struct LayerTally {
    std::string name;      // of its weights' parameter, without ".weight"
    std::string stage;     // whose activation its ReLU makes; empty if none
    torch::Tensor weight;  // (maps, inputs of each, ...), as applied
    torch::Tensor scale;   // of a batch norm behind it: output = scale x (weight * x) + shift; undefined without
    torch::Tensor shift;   // bias and norm; undefined without either
    torch::Tensor input_low, input_high;    // per input, over images and units
    torch::Tensor output_low, output_high;  // per map, before the ReLU
    bool rectified = false;
    std::int64_t groups = 1;
};

struct DeadMap {
    std::int64_t map = 0;
    DeadCause cause = DeadCause::data;
};
// Maps of a rectified layer whose highest value before the ReLU is not above epsilon.
std::vector<DeadMap> dead_maps(const LayerTally& layer, double epsilon);
std::int64_t dead_inputs(const LayerTally& layer, double epsilon);

class LayerCensus {
public:
    // model.trace(photons), each layer looked at while it runs. Torch's dispatcher says when, for this thread and this
    // call: nothing is hooked into the model, and TorchScript is seen as well.
    Trace trace(Classifier& model, const torch::Tensor& photons);

    // In the order in which they ran first.
    [[nodiscard]] const std::vector<LayerTally>& layers() const { return layers_; }
    // What the first convolution was given in the last call (N, channels, height, width): the image after all that is
    // built in. Undefined without convolutions.
    [[nodiscard]] const torch::Tensor& first_input() const { return first_input_; }

    // docs/results.md, "inside".
    [[nodiscard]] nlohmann::json json(double epsilon) const;

private:
    std::vector<LayerTally> layers_;
    torch::Tensor first_input_;
};

}  // namespace braggbench
