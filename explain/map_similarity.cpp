#include "explain/map_similarity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "datasets/label_columns.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::vector<double> ranks(const std::vector<float>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
    std::vector<double> rank(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
        for (std::size_t i = first; i <= last; ++i) rank[order[i]] = 0.5 * static_cast<double>(first + last);
        first = last + 1;
    }
    return rank;
}

}  // namespace

std::optional<double> rank_similarity(const Image<float>& a, const Image<float>& b) {
    if (a.width != b.width || a.height != b.height) {
        throw UsageError(
            fmt::format("maps of {} x {} and {} x {} units (only maps of one grid are compared). Bring them "
                        "to one.",
                        a.width, a.height, b.width, b.height));
    }
    const auto is_finite = [](float value) { return std::isfinite(value); };
    if (!std::ranges::all_of(a.pixels, is_finite) || !std::ranges::all_of(b.pixels, is_finite)) return std::nullopt;
    return correlation(ranks(a.pixels), ranks(b.pixels));
}

}  // namespace braggbench
