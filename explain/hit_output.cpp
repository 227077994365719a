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

}  // namespace

bool offers_hit_output(const ModelCard& card) {
    const Head* head = find_head(card, "class");
    if (head == nullptr || find_head(card, "hit") != nullptr) return false;
    const auto hits = std::ranges::count_if(head->outputs, [&](const std::string& name) {
        return std::ranges::find(card.hit_classes, name) != card.hit_classes.end();
    });
    return hits > 0 && hits < std::ssize(head->outputs);
}

std::shared_ptr<Classifier> with_hit_output(const ModelCard& card, std::shared_ptr<Classifier> network) {
    const Head& head = *find_head(card, "class");
    std::vector<std::int64_t> hits;
    std::vector<std::int64_t> misses;
    auto index = static_cast<std::int64_t>(output_offset(card.heads, head.name));
    for (const std::string& name : head.outputs) {
        const bool hit = std::ranges::find(card.hit_classes, name) != card.hit_classes.end();
        (hit ? hits : misses).push_back(index++);
    }
    return std::make_shared<WithHitOutput>(std::move(network), torch::tensor(hits), torch::tensor(misses));
}

TrainedModel with_hit_output(const TrainedModel& model) {
    TrainedModel result{model.card, with_hit_output(model.card, model.network)};
    Head head;
    head.name = "hit";
    head.kind = HeadKind::multi_label;
    head.outputs = {"hit"};
    result.card.heads.push_back(head);
    return result;
}

}  // namespace braggbench
