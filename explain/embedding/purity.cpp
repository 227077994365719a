#include "explain/embedding/purity.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "classifiers/metric_bootstrap.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

struct Share {
    double with_label = 0.0;
    double known = 0.0;
    void add(std::span<const std::uint32_t> members, double weight, std::span<const std::optional<bool>> has_label) {
        for (const auto j : members) {
            if (!has_label[j]) continue;
            known += weight;
            if (*has_label[j]) with_label += weight;
        }
    }
};

}  // namespace

Metric cluster_purity(std::span<const Neighbours> neighbours, int k, std::span<const std::optional<bool>> has_label,
                      std::uint64_t seed) {
    if (neighbours.size() != has_label.size()) {
        throw UsageError(
            fmt::format("a label of {} points for the neighbours of {} (each point has one). Give both of "
                        "the same points.",
                        has_label.size(), neighbours.size()));
    }
    const auto known = std::ranges::count_if(has_label, [](const auto& has) { return has.has_value(); });
    const auto with_label = std::ranges::count(has_label, std::optional<bool>(true));
    if (with_label < 2) return {};
    const double chance = static_cast<double>(with_label - 1) / static_cast<double>(known - 1);
    std::vector<double> shares;
    for (std::size_t i = 0; i < neighbours.size(); ++i) {
        if (has_label[i] != true) continue;
        const auto& [nearer, tied] = neighbours[i];
        Share share;
        share.add(nearer, 1.0, has_label);
        share.add(tied,
                  (static_cast<double>(k) - static_cast<double>(nearer.size())) / static_cast<double>(tied.size()),
                  has_label);
        if (share.known > 0.0) shares.push_back(share.with_label / share.known);
    }
    const auto mean = [&](std::span<const int> counts) -> std::optional<double> {
        double sum = 0.0;
        double drawn = 0.0;
        for (std::size_t i = 0; i < shares.size(); ++i) {
            sum += counts[i] * shares[i];
            drawn += counts[i];
        }
        if (drawn == 0.0) return std::nullopt;
        return sum / drawn;
    };
    return bootstrapped(std::vector<int>(shares.size(), 0), mean, chance, seed);
}

}  // namespace braggbench
