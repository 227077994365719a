#include "explain/embedding/affinities.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "classifiers/parallel.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr double entropy_tolerance = 1e-7;
constexpr int max_steps = 200;

}  // namespace

Neighbourhood calibrated(const Eigen::ArrayXd& squared, Eigen::Index self, double perplexity) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const auto count = squared.size();
    Neighbourhood result;
    // Above the nearest, so that exp() does not vanish for all; the scale makes the width a number near 1.
    Eigen::ArrayXd above = squared;
    above[self] = infinity;
    above -= above.minCoeff();
    above[self] = 0.0;
    const double scale = above.sum() / static_cast<double>(count - 1);
    const auto nearest = (above == 0.0).count() - 1;
    if (static_cast<double>(nearest) >= perplexity) {
        result.crowded = static_cast<double>(nearest) > perplexity;
        result.probability = (above == 0.0).cast<double>() / static_cast<double>(nearest);
        result.probability[self] = 0.0;
        return result;
    }
    above /= scale;
    const double wanted = std::log(perplexity);
    double beta = 1.0;  // 1 / (2 sigma^2)
    double low = 0.0;
    double high = infinity;
    for (int step = 0; step < max_steps; ++step) {
        result.probability = (-beta * above).exp();
        result.probability[self] = 0.0;
        const double sum = result.probability.sum();
        result.probability /= sum;
        const double entropy = std::log(sum) + beta * (result.probability * above).sum();
        if (std::abs(entropy - wanted) <= entropy_tolerance) break;
        (entropy > wanted ? low : high) = beta;
        beta = high == infinity ? 2.0 * beta : 0.5 * (low + high);
    }
    return result;
}

Affinities affinities(const Points& points, double perplexity, unsigned threads) {
    const auto count = points.rows();
    if (!(perplexity > 1.0) || !(3.0 * perplexity < static_cast<double>(count))) {
        throw UsageError(
            fmt::format("perplexity {:g} of {} points (a neighbourhood has more than one point, and less than a third "
                        "of them). Give a perplexity above 1 and below {:g}, or more points.",
                        perplexity, count, static_cast<double>(count) / 3.0));
    }
    require_finite(points, "t-SNE");
    Affinities result;
    auto& joint = result.joint;
    joint.resize(count, count);
    std::atomic<Eigen::Index> crowded = 0;
    for_each_index(
        count,
        [&](std::int64_t i) {
            const auto row = calibrated(squared_distances(points, i), i, perplexity);
            joint.row(i) = (row.probability / (2.0 * static_cast<double>(count))).cast<float>().transpose();
            if (row.crowded) ++crowded;
        },
        threads);
    result.crowded_points = crowded;
    // In tiles, each pair of which is one piece of work: a column of a matrix this large misses the cache in every row.
    constexpr Eigen::Index tile = 64;
    for_each_index((count + tile - 1) / tile,
                   [&](std::int64_t block) {
                       const auto first = block * tile;
                       const auto rows = std::min(tile, count - first);
                       for (Eigen::Index other = 0; other <= first; other += tile) {
                           const auto columns = std::min(tile, count - other);
                           const Eigen::MatrixXf sum = joint.block(first, other, rows, columns) +
                                                       joint.block(other, first, columns, rows).transpose();
                           joint.block(first, other, rows, columns) = sum;
                           joint.block(other, first, columns, rows) = sum.transpose();
                       }
                   },
                   threads);
    return result;
}

}  // namespace braggbench
