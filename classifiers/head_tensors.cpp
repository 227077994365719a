#include "classifiers/head_tensors.hpp"

namespace braggbench {
namespace {

torch::Tensor row_of(const std::vector<double>& values) { return torch::tensor(values, torch::kFloat32); }

}  // namespace

torch::Tensor scores_of(const torch::Tensor& logits, std::span<const Head> heads) {
    std::vector<torch::Tensor> parts;
    std::int64_t first = 0;
    for (const auto& head : heads) {
        const auto count = static_cast<std::int64_t>(head.outputs.size());
        const auto part = logits.narrow(1, first, count);
        first += count;
        switch (head.kind) {
            case HeadKind::one_of_n:
                parts.push_back(torch::softmax(part, 1));
                break;
            case HeadKind::multi_label:
                parts.push_back(torch::sigmoid(part));
                break;
            case HeadKind::regression:
                parts.push_back(part * row_of(head.deviations).to(part.device()) +
                                row_of(head.means).to(part.device()));
                break;
        }
    }
    return torch::cat(parts, 1);
}

}  // namespace braggbench
