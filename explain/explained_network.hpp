// A network as it is explained: what it says of images, which of its outputs is asked about, and its counterpart that
// has learned nothing. Torch header.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "explain/explained_output.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// The same architecture with fresh weights, in evaluation mode; the caller's random state stays as it was. None of a
// network that is not ours to make anew.
std::shared_ptr<Classifier> untrained_network(const TrainedModel& model, std::uint64_t seed);

class ExplainedNetwork {
public:
    // `output` as find_output() takes it, or "hit" of a network of classes (hit_output.hpp); empty means the class that
    // the network says. Throws UsageError for an output that it does not have, and without a head "class" if none is
    // named.
    ExplainedNetwork(const TrainedModel& model, const std::string& output);
    ExplainedNetwork(const ExplainedNetwork&) = delete;
    ExplainedNetwork& operator=(const ExplainedNetwork&) = delete;

    [[nodiscard]] Classifier& network() const { return *model_.network; }
    [[nodiscard]] const ModelCard& card() const { return model_.card; }
    [[nodiscard]] const std::optional<ExplainedOutput>& output() const { return output_; }
    [[nodiscard]] const Head* class_head() const { return class_head_; }

    // (N, outputs), a few images at a time.
    [[nodiscard]] torch::Tensor logits(const std::vector<Image<float>>& photons) const;
    // As Predictions::scores.
    [[nodiscard]] torch::Tensor scores(const torch::Tensor& logits) const;

    struct Answer {
        std::optional<int> predicted;  // the class, if there is a head of that name
        int explained = 0;             // the output that is explained
        std::optional<int>
            least_likely;  // the output of the class that it finds least likely, where a class is explained
    };
    [[nodiscard]] std::vector<Answer> answers(const torch::Tensor& logits) const;

    // untrained_network() of its model, with the same outputs.
    [[nodiscard]] std::shared_ptr<Classifier> fresh(std::uint64_t seed) const;
    // Another network of the same heads, with the same outputs.
    [[nodiscard]] std::shared_ptr<Classifier> alike(const std::shared_ptr<Classifier>& other) const;

private:
    const TrainedModel* given_;
    TrainedModel model_;  // as it is explained
    std::optional<ExplainedOutput> output_;
    const Head* class_head_;
};

}  // namespace braggbench
