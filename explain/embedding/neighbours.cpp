#include "explain/embedding/neighbours.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "classifiers/parallel.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

Neighbours neighbours_of(const Points& points, Eigen::Index i, int k) {
    Eigen::ArrayXd distances = squared_distances(points, i);
    distances[i] = std::numeric_limits<double>::infinity();
    std::vector<double> ordered(distances.begin(), distances.end());
    const auto kth = ordered.begin() + (k - 1);
    std::nth_element(ordered.begin(), kth, ordered.end());
    Neighbours result;
    for (Eigen::Index j = 0; j < distances.size(); ++j) {
        if (distances[j] < *kth) result.nearer.push_back(static_cast<std::uint32_t>(j));
        if (distances[j] == *kth) result.tied.push_back(static_cast<std::uint32_t>(j));
    }
    std::ranges::stable_sort(result.nearer, {}, [&](std::uint32_t j) { return distances[j]; });
    return result;
}

}  // namespace

std::vector<Neighbours> nearest_neighbours(const Points& points, int k, unsigned threads) {
    if (k < 1 || k >= points.rows()) {
        throw UsageError(
            fmt::format("{} nearest neighbours among {} points (a point has all others at most, and one at "
                        "least). Ask for fewer.",
                        k, points.rows()));
    }
    require_finite(points, "nearest neighbours");
    std::vector<Neighbours> result(static_cast<std::size_t>(points.rows()));
    for_each_index(
        points.rows(), [&](std::int64_t i) { result[static_cast<std::size_t>(i)] = neighbours_of(points, i, k); },
        threads);
    return result;
}

double trustworthiness(const Points& high, const Points& low, int k, unsigned threads) {
    if (high.rows() != low.rows()) {
        throw UsageError(
            fmt::format("trustworthiness of {} points for {} (a picture shows each point once). Give the "
                        "same points.",
                        low.rows(), high.rows()));
    }
    const auto count = high.rows();
    if (k < 1 || 2 * k >= count) {
        throw UsageError(
            fmt::format("trustworthiness of {} neighbours among {} points (it is defined for fewer than "
                        "half of them). Ask for fewer.",
                        k, count));
    }
    require_finite(high, "trustworthiness");
    const auto neighbours = nearest_neighbours(low, k, threads);
    std::vector<double> penalties(static_cast<std::size_t>(count));
    for_each_index(
        count,
        [&](std::int64_t i) {
            const auto& [nearer, tied] = neighbours[static_cast<std::size_t>(i)];
            Eigen::ArrayXd distances = squared_distances(high, i);
            distances[i] = std::numeric_limits<double>::infinity();
            const auto excess = [&](const std::vector<std::uint32_t>& members) {
                double sum = 0.0;
                for (const auto j : members) {
                    sum += static_cast<double>(std::max<Eigen::Index>((distances < distances[j]).count() + 1 - k, 0));
                }
                return sum;
            };
            const double meant = static_cast<double>(k) - static_cast<double>(nearer.size());
            penalties[static_cast<std::size_t>(i)] =
                excess(nearer) + excess(tied) * meant / static_cast<double>(tied.size());
        },
        threads);
    const double n = static_cast<double>(count);
    return 1.0 - std::accumulate(penalties.begin(), penalties.end(), 0.0) * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0));
}

}  // namespace braggbench
