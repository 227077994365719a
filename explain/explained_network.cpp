#include "explain/explained_network.hpp"

#include <algorithm>
#include <limits>

#include "classifiers/head_tensors.hpp"
#include "classifiers/model.hpp"
#include "explain/attribution/gradient_pass.hpp"
#include "explain/hit_output.hpp"
#include "explain/sanity.hpp"
#include "simulator/error.hpp"

namespace braggbench {

std::shared_ptr<Classifier> untrained_network(const TrainedModel& model, std::uint64_t seed) {
    if (std::ranges::find(model_zoo(), model.card.zoo_name, &ZooEntry::name) == model_zoo().end()) return nullptr;
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    const torch::Tensor state = generator.get_state();
    torch::manual_seed(seed);
    std::shared_ptr<Classifier> made = make_model(model.card.zoo_name, shape_of(model.card));
    generator.set_state(state);
    made->eval();
    return same_architecture(*made, *model.network) ? made : nullptr;
}

ExplainedNetwork::ExplainedNetwork(const TrainedModel& model, const std::string& output)
    : given_(&model), model_(model), class_head_(find_head(model_.card, "class")) {
    if (!output.empty()) {
        std::vector<Head> heads = model.card.heads;
        const bool offers_hit = offers_hit_output(model.card);
        if (offers_hit) heads.push_back(hit_output_head());
        output_ = find_output(heads, output);
        if (offers_hit && output_->head == "hit") {
            model_ = with_hit_output(model);
            class_head_ = find_head(model_.card, "class");
        }
    } else if (class_head_ == nullptr) {
        throw UsageError("the model has no head \"class\" (maps are made for the class it says). Name an output.");
    }
}

torch::Tensor ExplainedNetwork::logits(const std::vector<Image<float>>& photons) const {
    constexpr std::size_t batch_images = 8;
    const torch::NoGradGuard no_gradients;
    std::vector<torch::Tensor> parts;
    for (std::size_t begin = 0; begin < photons.size(); begin += batch_images) {
        const auto from = photons.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto to = photons.begin() + static_cast<std::ptrdiff_t>(std::min(begin + batch_images, photons.size()));
        parts.push_back(network().forward(to_batch({from, to})));
    }
    return torch::cat(parts);
}

torch::Tensor ExplainedNetwork::scores(const torch::Tensor& logits) const {
    const torch::NoGradGuard no_gradients;
    return scores_of(logits, card().heads);
}

std::vector<ExplainedNetwork::Answer> ExplainedNetwork::answers(const torch::Tensor& logits) const {
    std::vector<Answer> answers(static_cast<std::size_t>(logits.size(0)));
    for (std::size_t i = 0; i < answers.size(); ++i) {
        Answer& answer = answers[i];
        const torch::Tensor row = logits[static_cast<std::int64_t>(i)];
        if (output_) answer.explained = output_->index;
        if (class_head_ == nullptr) continue;
        const auto offset = static_cast<std::int64_t>(output_offset(card().heads, class_head_->name));
        torch::Tensor classes = row.narrow(0, offset, static_cast<std::int64_t>(class_head_->outputs.size())).clone();
        answer.predicted = static_cast<int>(classes.argmax().item<std::int64_t>());
        if (!output_) answer.explained = static_cast<int>(offset) + *answer.predicted;
        if (output_ && output_->head != class_head_->name) continue;
        // Not the class that is explained, even where that is the least likely.
        classes[answer.explained - offset] = std::numeric_limits<float>::infinity();
        answer.least_likely = static_cast<int>(offset + classes.argmin().item<std::int64_t>());
    }
    return answers;
}

std::shared_ptr<Classifier> ExplainedNetwork::fresh(std::uint64_t seed) const {
    return alike(untrained_network(*given_, seed));
}

std::shared_ptr<Classifier> ExplainedNetwork::alike(const std::shared_ptr<Classifier>& other) const {
    const bool with_hit = model_.card.heads.size() > given_->card.heads.size();
    return other && with_hit ? with_hit_output(given_->card, other) : other;
}

}  // namespace braggbench
