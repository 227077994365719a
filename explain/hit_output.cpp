#include "explain/hit_output.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace braggbench {
namespace {

class WithHitOutput : public Classifier {
public:
    WithHitOutput(std::shared_ptr<Classifier> network, torch::Tensor hits, torch::Tensor misses)
        : network_(std::move(network)), hits_(std::move(hits)), misses_(std::move(misses)) {
        // Its layers by their own names, as the randomisation check takes them one by one.
        for (const auto& layer : network_->named_children()) register_module(layer.key(), layer.value());
        for (const auto& parameter : network_->named_parameters(false)) {
            register_parameter(parameter.key(), parameter.value(), parameter.value().requires_grad());
        }
        eval();
    }

    void train(bool on) override {
        network_->train(on);
        Classifier::train(on);
    }

    Trace trace(const torch::Tensor& photons) override {
        Trace result = network_->trace(photons);
        const auto total = [&](const torch::Tensor& classes) {
            return result.logits.index_select(1, classes).logsumexp({1}, /*keepdim=*/true);
        };
        result.logits = torch::cat({result.logits, total(hits_) - total(misses_)}, 1);
        return result;
    }

private:
    std::shared_ptr<Classifier> network_;
    torch::Tensor hits_;  // outputs of the classes with a crystal
    torch::Tensor misses_;
};

// Which of the network's outputs are classes with a crystal, and which without.
struct ClassOutputs {
    std::vector<std::int64_t> hits, misses;
};

ClassOutputs class_outputs(const ModelCard& card) {
    ClassOutputs outputs;
    auto index = static_cast<std::int64_t>(output_offset(card.heads, "class"));
    for (const std::string& name : find_head(card, "class")->outputs) {
        const bool hit = std::ranges::find(card.hit_classes, name) != card.hit_classes.end();
        (hit ? outputs.hits : outputs.misses).push_back(index++);
    }
    return outputs;
}

}  // namespace

bool offers_hit_output(const ModelCard& card) {
    if (find_head(card, "class") == nullptr || find_head(card, "hit") != nullptr) return false;
    const auto [hits, misses] = class_outputs(card);
    return !hits.empty() && !misses.empty();
}

Head hit_output_head() {
    Head head;
    head.name = "hit";
    head.kind = HeadKind::multi_label;
    head.outputs = {"hit"};
    return head;
}

std::shared_ptr<Classifier> with_hit_output(const ModelCard& card, std::shared_ptr<Classifier> network) {
    const auto [hits, misses] = class_outputs(card);
    return std::make_shared<WithHitOutput>(std::move(network), torch::tensor(hits), torch::tensor(misses));
}

TrainedModel with_hit_output(const TrainedModel& model) {
    TrainedModel result{model.card, with_hit_output(model.card, model.network)};
    result.card.heads.push_back(hit_output_head());
    return result;
}

}  // namespace braggbench
