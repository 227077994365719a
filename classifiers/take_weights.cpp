#include "classifiers/take_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "classifiers/checkpoint.hpp"
#include "simulator/error.hpp"

namespace braggbench {

void take_weights(const std::filesystem::path& path, Classifier& to,
                  const std::function<void(const std::string&)>& note) {
    const TrainedModel from = load_model(path);
    const torch::NoGradGuard no_grad;
    std::vector<std::string> left;
    std::size_t taken = 0;
    const auto take = [&](const auto& sources, const auto& places) {
        for (const auto& place : places) {
            const auto* source = sources.find(place.key());
            if (source != nullptr && source->sizes() == place.value().sizes()) {
                place.value().copy_(*source);
                ++taken;
            } else {
                left.push_back(place.key());
            }
        }
    };
    take(from.network->named_parameters(), to.named_parameters());
    take(from.network->named_buffers(), to.named_buffers());
    if (taken == 0) {
        throw UsageError(
            fmt::format("{}: none of its weights fits model '{}' (it is a '{}' of another shape). Give a "
                        "model of the same architecture, or none.",
                        path.string(), to.name(), from.card.zoo_name));
    }
    if (note) {
        note(fmt::format("{}: {} tensors taken{}", path.string(), taken,
                         left.empty() ? "" : fmt::format("; fresh: {}", fmt::join(left, ", "))));
    }
}

}  // namespace braggbench
