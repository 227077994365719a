#include "explain/embedding/tsne.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "classifiers/parallel.hpp"
#include "explain/embedding/pca.hpp"
#include "explain/random_stages.hpp"

namespace braggbench {
namespace {

constexpr Eigen::Index reduced_dimensions = 50;
constexpr double exaggeration = 12.0;
constexpr double start_deviation = 1e-4;
constexpr double jitter = 1e-2 * start_deviation;

// What one point feels from all others.
struct Forces {
    float attraction_x = 0.0F;
    float attraction_y = 0.0F;
    float repulsion_x = 0.0F;
    float repulsion_y = 0.0F;
    float kernel_sum = 0.0F;  // with itself
};

// The hot loop: attraction, repulsion and normalisation in one pass over a row of the affinities. The point itself adds
// 1 to the sum and nothing else.
Forces forces_on(const float* __restrict affinity, const float* __restrict x, const float* __restrict y, float own_x,
                 float own_y, Eigen::Index count) {
    float attraction_x = 0.0F;
    float attraction_y = 0.0F;
    float repulsion_x = 0.0F;
    float repulsion_y = 0.0F;
    float kernel_sum = 0.0F;
#pragma omp simd reduction(+ : attraction_x, attraction_y, repulsion_x, repulsion_y, kernel_sum)
    for (Eigen::Index j = 0; j < count; ++j) {
        const float dx = own_x - x[j];
        const float dy = own_y - y[j];
        const float kernel = 1.0F / (1.0F + dx * dx + dy * dy);
        const float pull = affinity[j] * kernel;
        const float push = kernel * kernel;
        attraction_x += pull * dx;
        attraction_y += pull * dy;
        repulsion_x += push * dx;
        repulsion_y += push * dy;
        kernel_sum += kernel;
    }
    return {attraction_x, attraction_y, repulsion_x, repulsion_y, kernel_sum};
}

// Rows of one piece of work: enough that threads hardly meet at the counter, few enough that none waits long.
constexpr Eigen::Index rows_at_a_time = 32;

void for_each_row(Eigen::Index count, unsigned threads, const std::function<void(Eigen::Index)>& work) {
    for_each_index((count + rows_at_a_time - 1) / rows_at_a_time,
                   [&](std::int64_t block) {
                       const auto end = std::min(count, (block + 1) * rows_at_a_time);
                       for (auto i = block * rows_at_a_time; i < end; ++i) work(i);
                   },
                   threads);
}

Points start(const Pca& components, std::uint64_t seed) {
    const auto count = components.scores.rows();
    Points places = Points::Zero(count, 2);
    const auto known = std::min<Eigen::Index>(2, components.scores.cols());
    places.leftCols(known) = components.scores.leftCols(known);
    const double deviation = std::sqrt(places.col(0).squaredNorm() / static_cast<double>(count));
    if (deviation > 0.0) places *= start_deviation / deviation;
    for (Eigen::Index i = 0; i < count; ++i) {
        RandomStream random(seed, static_cast<std::uint64_t>(i), stage_tsne_start);
        for (Eigen::Index d = 0; d < 2; ++d) places(i, d) += jitter * random.normal();
    }
    return places;
}

}  // namespace

Points kl_gradient(const Affinities& affinities, const Points& places, double factor, unsigned threads) {
    const auto count = places.rows();
    const Eigen::ArrayXf x = places.col(0).cast<float>();
    const Eigen::ArrayXf y = places.col(1).cast<float>();
    std::vector<Forces> forces(static_cast<std::size_t>(count));
    for_each_row(count, threads, [&](Eigen::Index i) {
        forces[static_cast<std::size_t>(i)] =
            forces_on(affinities.joint.row(i).data(), x.data(), y.data(), x[i], y[i], count);
    });
    const double normalisation =
        std::accumulate(forces.begin(), forces.end(), -static_cast<double>(count),
                        [](double sum, const Forces& force) { return sum + static_cast<double>(force.kernel_sum); });
    Points gradient(count, 2);
    for (Eigen::Index i = 0; i < count; ++i) {
        const auto& force = forces[static_cast<std::size_t>(i)];
        gradient(i, 0) = 4.0 * (factor * static_cast<double>(force.attraction_x) -
                                static_cast<double>(force.repulsion_x) / normalisation);
        gradient(i, 1) = 4.0 * (factor * static_cast<double>(force.attraction_y) -
                                static_cast<double>(force.repulsion_y) / normalisation);
    }
    return gradient;
}

double kl_divergence(const Affinities& affinities, const Points& places, unsigned threads) {
    const auto count = places.rows();
    std::vector<double> kernel_sums(static_cast<std::size_t>(count));
    std::vector<double> divergences(static_cast<std::size_t>(count));
    // With q = kernel / sum, and the p adding up to 1: sum of p ln(p / kernel) + ln(sum).
    for_each_row(count, threads, [&](Eigen::Index i) {
        const Eigen::ArrayXd squared = squared_distances(places, i);
        double divergence = 0.0;
        for (Eigen::Index j = 0; j < count; ++j) {
            const auto p = static_cast<double>(affinities.joint(i, j));
            if (p > 0.0) divergence += p * std::log(p * (1.0 + squared[j]));
        }
        divergences[static_cast<std::size_t>(i)] = divergence;
        kernel_sums[static_cast<std::size_t>(i)] = (1.0 + squared).inverse().sum() - 1.0;
    });
    return std::accumulate(divergences.begin(), divergences.end(), 0.0) +
           std::log(std::accumulate(kernel_sums.begin(), kernel_sums.end(), 0.0));
}

Tsne tsne(const Points& points, const TsneOptions& options, const std::function<bool(int, int)>& progress) {
    const auto components = pca(points, reduced_dimensions);
    const auto near = affinities(components.scores, options.perplexity, options.threads);
    const auto count = points.rows();
    Tsne result;
    result.crowded_points = near.crowded_points;
    result.learning_rate = std::max(static_cast<double>(count) / exaggeration / 4.0, 50.0);
    result.places = start(components, options.seed);
    Eigen::ArrayXXd step = Eigen::ArrayXXd::Zero(count, 2);
    Eigen::ArrayXXd gains = Eigen::ArrayXXd::Ones(count, 2);
    while (result.iterations < options.iterations) {
        const bool early = result.iterations < options.iterations / 4;
        const Eigen::ArrayXXd gradient =
            kl_gradient(near, result.places, early ? exaggeration : 1.0, options.threads).array();
        gains = (step * gradient < 0.0).select(gains + 0.2, gains * 0.8).max(0.01);
        step = (early ? 0.5 : 0.8) * step - result.learning_rate * gains * gradient;
        result.places.array() += step;
        ++result.iterations;
        if (progress && !progress(result.iterations, options.iterations)) break;
    }
    result.places.rowwise() -= result.places.colwise().mean().eval();
    result.kl_divergence = kl_divergence(near, result.places, options.threads);
    return result;
}

}  // namespace braggbench
