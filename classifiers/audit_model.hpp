// What a corpus' nuisances tell of a label together: a ridge-penalised logistic (or, for values, linear) regression on
// each nuisance's normal score and its square, so that a label of the middle is found as well.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

namespace braggbench {

// Two columns per nuisance: the normal score of its rank among the `train` images, and that score's square less 1.
// Values never met lie between their neighbours, undefined ones in the middle.
Eigen::MatrixXd score_features(std::span<const std::vector<double>* const> nuisances,
                               std::span<const std::size_t> train);

// Learns on `train`, where truth is 0 or 1, and gives the log-odds of `test`. Iteratively reweighted least squares
// (McCullagh & Nelder 1989, Generalized Linear Models, ch. 4); the penalty is that of one pseudo-image per weight.
std::vector<double> logistic_scores(const Eigen::MatrixXd& features, std::span<const double> truth,
                                    std::span<const std::size_t> train, std::span<const std::size_t> test);

// The same for a number.
std::vector<double> linear_scores(const Eigen::MatrixXd& features, std::span<const double> truth,
                                  std::span<const std::size_t> train, std::span<const std::size_t> test);

}  // namespace braggbench
