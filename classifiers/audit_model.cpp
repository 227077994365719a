#include "classifiers/audit_model.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace braggbench {

namespace {

constexpr double ridge = 1.0;
constexpr int max_iterations = 25;

// The inverse of the normal distribution: Winitzki's form of the error function inverted, good to 2e-3, which a feature
// needs no better.
double normal_score(double share) {
    const double x = 2.0 * share - 1.0;
    constexpr double a = 0.147;
    const double log_term = std::log1p(-x * x);
    const double half = 2.0 / (3.14159265358979 * a) + 0.5 * log_term;
    const double inverse_erf = std::copysign(std::sqrt(std::sqrt(half * half - log_term / a) - half), x);
    return std::sqrt(2.0) * inverse_erf;
}

// Features of some images, with a column of ones in front.
Eigen::MatrixXd with_constant(const Eigen::MatrixXd& features, std::span<const std::size_t> images) {
    Eigen::MatrixXd rows(static_cast<Eigen::Index>(images.size()), features.cols() + 1);
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto row = static_cast<Eigen::Index>(i);
        rows(row, 0) = 1.0;
        rows.row(row).tail(features.cols()) = features.row(static_cast<Eigen::Index>(images[i]));
    }
    return rows;
}

Eigen::VectorXd of(std::span<const double> values, std::span<const std::size_t> images) {
    Eigen::VectorXd picked(static_cast<Eigen::Index>(images.size()));
    for (std::size_t i = 0; i < images.size(); ++i) picked(static_cast<Eigen::Index>(i)) = values[images[i]];
    return picked;
}

// The constant is not held back.
Eigen::MatrixXd penalty(Eigen::Index weights) {
    Eigen::MatrixXd diagonal = ridge * Eigen::MatrixXd::Identity(weights, weights);
    diagonal(0, 0) = 1e-6;
    return diagonal;
}

std::vector<double> as_vector(const Eigen::VectorXd& values) { return {values.data(), values.data() + values.size()}; }

}  // namespace

Eigen::MatrixXd score_features(std::span<const std::vector<double>* const> nuisances,
                               std::span<const std::size_t> train) {
    const auto images = nuisances.empty() ? 0 : static_cast<Eigen::Index>(nuisances.front()->size());
    Eigen::MatrixXd features(images, 2 * static_cast<Eigen::Index>(nuisances.size()));
    Eigen::Index column = 0;
    for (const std::vector<double>* values : nuisances) {
        std::vector<double> sorted;
        for (const std::size_t i : train) {
            if (std::isfinite((*values)[i])) sorted.push_back((*values)[i]);
        }
        std::sort(sorted.begin(), sorted.end());
        for (Eigen::Index i = 0; i < images; ++i) {
            const double value = (*values)[static_cast<std::size_t>(i)];
            double score = 0.0;
            if (std::isfinite(value) && !sorted.empty()) {
                const auto below = std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
                const auto not_above = std::upper_bound(sorted.begin(), sorted.end(), value) - sorted.begin();
                const double middle = 0.5 * static_cast<double>(below + not_above);
                score = normal_score((middle + 0.5) / (static_cast<double>(sorted.size()) + 1.0));
            }
            features(i, column) = score;
            features(i, column + 1) = score * score - 1.0;
        }
        column += 2;
    }
    return features;
}

std::vector<double> logistic_scores(const Eigen::MatrixXd& features, std::span<const double> truth,
                                    std::span<const std::size_t> train, std::span<const std::size_t> test) {
    const Eigen::MatrixXd x = with_constant(features, train);
    const Eigen::VectorXd y = of(truth, train);
    const Eigen::MatrixXd held_back = penalty(x.cols());
    Eigen::VectorXd weights = Eigen::VectorXd::Zero(x.cols());
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
        const Eigen::ArrayXd probability = 1.0 / (1.0 + (-(x * weights).array()).exp());
        // Bounded below, or an image told for certain would make the equations singular.
        const Eigen::ArrayXd curvature = (probability * (1.0 - probability)).max(1e-6);
        const Eigen::VectorXd slope = x.transpose() * (y.array() - probability).matrix() - held_back * weights;
        const Eigen::MatrixXd scaled = x.array().colwise() * curvature;
        const Eigen::VectorXd step = (x.transpose() * scaled + held_back).ldlt().solve(slope);
        // A Newton step that is too long overshoots where probabilities saturate.
        const double length = step.lpNorm<Eigen::Infinity>();
        weights += step * (length > 2.0 ? 2.0 / length : 1.0);
        if (length < 1e-6) break;
    }
    return as_vector(with_constant(features, test) * weights);
}

std::vector<double> linear_scores(const Eigen::MatrixXd& features, std::span<const double> truth,
                                  std::span<const std::size_t> train, std::span<const std::size_t> test) {
    const Eigen::MatrixXd x = with_constant(features, train);
    const Eigen::VectorXd weights =
        (x.transpose() * x + penalty(x.cols())).ldlt().solve(x.transpose() * of(truth, train));
    return as_vector(with_constant(features, test) * weights);
}

}  // namespace braggbench
