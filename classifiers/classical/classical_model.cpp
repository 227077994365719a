#include "classifiers/classical/classical_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

#include "classifiers/parallel.hpp"
#include "classifiers/random_stage.hpp"

namespace braggbench {
namespace {

// The members of each class, in an order keyed by the seed.
std::vector<std::vector<std::size_t>> shuffled_classes(std::span<const int> targets, std::uint64_t seed) {
    std::vector<std::size_t> order(targets.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    RandomStream random(seed, 0, folds_stage);
    for (std::size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[draw_index(random, left)]);
    std::vector<std::vector<std::size_t>> classes;
    for (const auto i : order) {
        const auto c = static_cast<std::size_t>(targets[i]);
        if (c >= classes.size()) classes.resize(c + 1);
        classes[c].push_back(i);
    }
    return classes;
}

}  // namespace

void for_each_counted(std::int64_t count, unsigned threads, const ClassicalProgress& progress,
                      const std::function<void(std::int64_t)>& work) {
    std::mutex mutex;
    std::int64_t done = 0;
    for_each_index(
        count,
        [&](std::int64_t i) {
            work(i);
            if (!progress) return;
            const std::scoped_lock lock(mutex);
            progress(++done, count);
        },
        threads);
}

FeatureTable feature_table(const CorpusReader& corpus, std::span<const std::int64_t> indices, Eigen::Index columns,
                           const std::function<void(const Image<std::uint16_t>&, std::span<float>)>& features,
                           unsigned threads, const ClassicalProgress& progress) {
    FeatureTable table = FeatureTable::Zero(static_cast<Eigen::Index>(indices.size()), columns);
    for_each_counted(static_cast<std::int64_t>(indices.size()), threads, progress, [&](std::int64_t i) {
        const auto image = corpus.shared_image(indices[static_cast<std::size_t>(i)]);
        features(*image, {table.row(i).data(), static_cast<std::size_t>(columns)});
    });
    return table;
}

Standardisation Standardisation::of(const FeatureTable& table) {
    Standardisation result;
    for (Eigen::Index c = 0; c < table.cols(); ++c) {
        const Eigen::VectorXd column = table.col(c).cast<double>();
        const double mean = column.mean();
        const double deviation = std::sqrt((column.array() - mean).square().mean());
        // What rounding to single precision leaves of a constant column is no deviation.
        const bool constant = deviation <= 1e-6 * std::abs(mean) + std::numeric_limits<float>::min();
        result.means.push_back(static_cast<float>(mean));
        result.factors.push_back(constant ? 0.0F : static_cast<float>(1.0 / deviation));
    }
    return result;
}

void Standardisation::apply(FeatureTable& table) const {
    const auto columns = static_cast<Eigen::Index>(means.size());
    const Eigen::Map<const Eigen::RowVectorXf> mean(means.data(), columns);
    const Eigen::Map<const Eigen::RowVectorXf> factor(factors.data(), columns);
    for (Eigen::Index row = 0; row < table.rows(); ++row) {
        table.row(row) = (table.row(row) - mean).cwiseProduct(factor);
    }
}

std::vector<std::size_t> stratified_sample(std::span<const int> targets, std::size_t count, std::uint64_t seed) {
    const auto classes = shuffled_classes(targets, seed);
    std::vector<std::size_t> chosen;
    for (std::size_t turn = 0; chosen.size() < std::min(count, targets.size()); ++turn) {
        for (const auto& members : classes) {
            if (turn < members.size() && chosen.size() < count) chosen.push_back(members[turn]);
        }
    }
    std::ranges::sort(chosen);
    return chosen;
}

std::vector<int> stratified_folds(std::span<const int> targets, int folds, std::uint64_t seed) {
    std::vector<int> fold_of(targets.size());
    int next = 0;
    for (const auto& members : shuffled_classes(targets, seed)) {
        for (const auto i : members) fold_of[i] = next++ % folds;
    }
    return fold_of;
}

}  // namespace braggbench
