// Scores to probabilities: Platt's sigmoid for two classes, pairs of classes to all of them, and one temperature.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <span>
#include <vector>

namespace braggbench {

// p(true) = 1 / (1 + exp(a value + b)), fitted by Newton's method with the targets that keep few or separable values
// from becoming certain (Platt 1999; the algorithm of Lin, Lin & Weng 2007, Mach. Learn. 68, 267).
struct Sigmoid {
    double a = 0.0;
    double b = 0.0;
    [[nodiscard]] double operator()(double value) const;
};
Sigmoid fit_sigmoid(std::span<const double> values, std::span<const int> truth);

// Probabilities of k classes from pairwise(i, j) = p(i | i or j), for all i != j: the second method of Wu, Lin & Weng
// 2004, J. Mach. Learn. Res. 5, 975, solved directly.
Eigen::VectorXd couple_pairs(const Eigen::MatrixXd& pairwise);

// The place of the smallest value of f between low and high, by golden sections on a logarithmic scale.
double minimise_log_scale(const std::function<double(double)>& f, double low, double high);

}  // namespace braggbench
