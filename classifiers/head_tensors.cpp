#include "classifiers/head_tensors.hpp"

#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace F = torch::nn::functional;

torch::Tensor row_of(const std::vector<double>& values) { return torch::tensor(values, torch::kFloat32); }

// The columns of logits and targets that are a head's.
struct Part {
    const Head& head;
    torch::Tensor logits;
    torch::Tensor targets;
};

std::vector<Part> parts_of(const torch::Tensor& logits, const torch::Tensor& targets, std::span<const Head> heads) {
    std::vector<Part> parts;
    std::int64_t output = 0;
    std::int64_t target = 0;
    for (const auto& head : heads) {
        const auto outputs = static_cast<std::int64_t>(head.outputs.size());
        const auto columns = static_cast<std::int64_t>(head.target_count());
        parts.push_back({head, logits.narrow(1, output, outputs), targets.narrow(1, target, columns)});
        output += outputs;
        target += columns;
    }
    return parts;
}

torch::Tensor standardised(const Part& part) {
    const auto device = part.targets.device();
    return (part.targets - row_of(part.head.means).to(device)) / row_of(part.head.deviations).to(device);
}

// Mean over what is known; unknown targets have been replaced, so that no NaN meets the gradient.
torch::Tensor mean_of_known(const torch::Tensor& losses, const torch::Tensor& known) {
    return (losses * known).sum() / torch::clamp_min(known.sum(), 1.0);
}

torch::Tensor loss_of_part(const Part& part, const torch::Tensor& weights, double focal_gamma) {
    const auto known = torch::logical_not(torch::isnan(part.targets)).to(torch::kFloat32);
    const auto targets = torch::nan_to_num(part.targets);
    if (part.head.kind == HeadKind::regression) {
        const auto errors = part.logits - torch::nan_to_num(standardised(part));
        return mean_of_known(torch::huber_loss(errors, torch::zeros_like(errors), at::Reduction::None), known);
    }
    if (part.head.kind == HeadKind::multi_label) {
        auto losses = torch::binary_cross_entropy_with_logits(part.logits, targets, {}, {}, at::Reduction::None);
        if (focal_gamma > 0.0) losses = torch::pow(1.0 - torch::exp(-losses), focal_gamma) * losses;
        if (weights.defined()) losses = losses * torch::where(targets > 0.5, weights[1], weights[0]);
        return mean_of_known(losses, known);
    }
    const auto labels = targets.squeeze(1).to(torch::kInt64);
    auto losses = F::cross_entropy(part.logits, labels, F::CrossEntropyFuncOptions().reduction(torch::kNone));
    if (focal_gamma > 0.0) losses = torch::pow(1.0 - torch::exp(-losses), focal_gamma) * losses;
    if (weights.defined()) losses = losses * weights.index_select(0, labels);
    return mean_of_known(losses, known.squeeze(1));
}

}  // namespace

torch::Tensor as_tensor(const std::vector<std::vector<float>>& rows) {
    const auto columns = rows.empty() ? 0 : static_cast<std::int64_t>(rows.front().size());
    auto tensor = torch::empty({static_cast<std::int64_t>(rows.size()), columns}, torch::kFloat32);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        std::ranges::copy(rows[i], tensor.data_ptr<float>() + static_cast<std::int64_t>(i) * columns);
    }
    return tensor;
}

torch::Tensor scores_of(const torch::Tensor& logits, std::span<const Head> heads) {
    std::vector<torch::Tensor> scores;
    std::int64_t first = 0;
    for (const auto& head : heads) {
        const auto count = static_cast<std::int64_t>(head.outputs.size());
        const auto part = logits.narrow(1, first, count);
        first += count;
        switch (head.kind) {
            case HeadKind::one_of_n:
                scores.push_back(torch::softmax(part, 1));
                break;
            case HeadKind::multi_label:
                scores.push_back(torch::sigmoid(part));
                break;
            case HeadKind::regression:
                scores.push_back(part * row_of(head.deviations).to(part.device()) +
                                 row_of(head.means).to(part.device()));
                break;
        }
    }
    return torch::cat(scores, 1);
}

LossWeights balanced_weights(const torch::Tensor& targets, std::span<const Head> heads) {
    LossWeights weights;
    std::int64_t column = 0;
    for (const auto& head : heads) {
        const auto columns = static_cast<std::int64_t>(head.target_count());
        const auto part = targets.narrow(1, column, columns);
        column += columns;
        const auto outputs = static_cast<std::int64_t>(head.outputs.size());
        // Each of k kinds gets 1 / k of the whole weight, spread over its images.
        const auto alike = [](const torch::Tensor& counts) {
            const auto kinds = (counts > 0).to(torch::kFloat32).sum(0, true);
            const auto share = counts.sum(0, true) / torch::clamp_min(kinds, 1.0);
            return torch::where(counts > 0, share / torch::clamp_min(counts, 1.0), torch::zeros_like(counts));
        };
        if (head.kind == HeadKind::one_of_n) {
            weights.of_head.push_back(
                alike(torch::bincount(part.squeeze(1).to(torch::kInt64), {}, outputs).to(torch::kFloat32)));
        } else if (head.kind == HeadKind::multi_label) {
            weights.of_head.push_back(alike(
                torch::stack({(part == 0.0).to(torch::kFloat32).sum(0), (part == 1.0).to(torch::kFloat32).sum(0)})));
        } else {
            weights.of_head.emplace_back();
        }
    }
    return weights;
}

torch::Tensor loss_of(const torch::Tensor& logits, const torch::Tensor& targets, std::span<const Head> heads,
                      const LossWeights& weights) {
    auto loss = torch::zeros({}, logits.options());
    std::size_t index = 0;
    for (const auto& part : parts_of(logits, targets, heads)) {
        auto weight = index < weights.of_head.size() ? weights.of_head[index] : torch::Tensor();
        if (weight.defined()) weight = weight.to(logits.device());
        ++index;
        loss = loss + part.head.loss_weight * loss_of_part(part, weight, weights.focal_gamma);
    }
    return loss;
}

void standardise(std::vector<Head>& heads, const torch::Tensor& targets, const std::string& origin) {
    std::int64_t column = 0;
    for (auto& head : heads) {
        const auto first = column;
        column += static_cast<std::int64_t>(head.target_count());
        if (head.kind != HeadKind::regression) continue;
        for (std::size_t k = 0; k < head.outputs.size(); ++k) {
            const auto all = targets.select(1, first + static_cast<std::int64_t>(k));
            const auto known = all.masked_select(torch::logical_not(torch::isnan(all))).to(torch::kFloat64);
            if (known.numel() == 0) {
                throw DataError(origin + ": value \"" + head.outputs[k] +
                                "\" is undefined in every training image (there is nothing to learn). Leave it out of "
                                "the head, or use another recipe.");
            }
            head.means[k] = known.mean().item<double>();
            const double deviation = known.std(/*unbiased=*/false).item<double>();
            head.deviations[k] = deviation > 0.0 ? deviation : 1.0;
        }
    }
}

void add_scores(std::vector<HeadScore>& scores, const torch::Tensor& logits, const torch::Tensor& targets,
                std::span<const Head> heads) {
    const torch::NoGradGuard no_grad;
    scores.resize(heads.size());
    std::size_t index = 0;
    for (const auto& part : parts_of(logits, targets, heads)) {
        const auto known = torch::logical_not(torch::isnan(part.targets));
        torch::Tensor right;
        if (part.head.kind == HeadKind::one_of_n) {
            right = part.logits.argmax(1, /*keepdim=*/true).eq(part.targets);
        } else if (part.head.kind == HeadKind::multi_label) {
            right = (part.logits > 0.0).eq(part.targets > 0.5);
        } else {
            right = 1.0 - torch::square(part.logits - standardised(part));
        }
        scores[index].sum += right.to(torch::kFloat64).masked_select(known).sum().item<double>();
        scores[index].count += known.sum().item<double>();
        ++index;
    }
}

}  // namespace braggbench
