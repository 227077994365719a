#include "explain/embedding/pca.hpp"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Components of less variance than this share of the first are rounding errors of the others.
constexpr double smallest_share = 1e-12;

void fix_sign(Eigen::Ref<Eigen::VectorXd> scores) {
    const double largest = scores.cwiseAbs().maxCoeff();
    // Rounding must not choose between coordinates that are the same but for their sign.
    for (const double score : scores) {
        if (std::abs(score) < largest * (1.0 - 1e-9)) continue;
        if (score < 0.0) scores = -scores;
        return;
    }
}

}  // namespace

Pca pca(const Points& points, Eigen::Index max_components) {
    if (points.rows() < 2) {
        throw UsageError(
            fmt::format("principal components of {} points (they have no variance). Give two or more.", points.rows()));
    }
    require_finite(points, "principal components");
    const Eigen::MatrixXd centred = points.rowwise() - points.colwise().mean();
    const bool by_products = points.rows() < points.cols();
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(std::min(points.rows(), points.cols()), 0);
    if (by_products) {
        matrix = centred * centred.transpose();
    } else {
        matrix = centred.transpose() * centred;
    }
    const double total = matrix.trace();
    Pca result;
    result.scores.resize(points.rows(), 0);
    // Rounding of the mean leaves this much of points that are all the same.
    if (total <= 1e-24 * points.squaredNorm()) return result;

    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
    const Eigen::VectorXd values = solver.eigenvalues().reverse();
    Eigen::Index count = 0;
    while (count < std::min(max_components, values.size()) && values[count] > smallest_share * values[0]) ++count;
    result.scores.resize(points.rows(), count);
    for (Eigen::Index c = 0; c < count; ++c) {
        const Eigen::VectorXd vector = solver.eigenvectors().col(values.size() - 1 - c);
        Eigen::VectorXd scores = by_products ? Eigen::VectorXd(vector * std::sqrt(values[c])) : centred * vector;
        fix_sign(scores);
        result.scores.col(c) = scores;
        result.explained_variance.push_back(values[c] / total);
    }
    return result;
}

}  // namespace braggbench
