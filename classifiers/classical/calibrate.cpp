#include "classifiers/classical/calibrate.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstddef>

namespace braggbench {
namespace {

// -log of p for the target t at f = a v + b, where p = 1 / (1 + exp(f)).
double loss(double f, double t) { return t * f + (f >= 0.0 ? std::log1p(std::exp(-f)) : std::log1p(std::exp(f)) - f); }

}  // namespace

double Sigmoid::operator()(double value) const {
    const double f = a * value + b;
    return f >= 0.0 ? std::exp(-f) / (1.0 + std::exp(-f)) : 1.0 / (1.0 + std::exp(f));
}

Sigmoid fit_sigmoid(std::span<const double> values, std::span<const int> truth) {
    const auto positive = static_cast<double>(std::ranges::count(truth, 1));
    const double negative = static_cast<double>(truth.size()) - positive;
    const double high = (positive + 1.0) / (positive + 2.0);
    const double low = 1.0 / (negative + 2.0);
    Sigmoid fit{0.0, std::log((negative + 1.0) / (positive + 1.0))};
    const auto total = [&](const Sigmoid& s) {
        double sum = 0.0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            sum += loss(s.a * values[i] + s.b, truth[i] == 1 ? high : low);
        }
        return sum;
    };
    double before = total(fit);
    for (int iteration = 0; iteration < 100; ++iteration) {
        // The ridge of Lin, Lin & Weng keeps the Hessian positive.
        Eigen::Matrix2d hessian = 1e-12 * Eigen::Matrix2d::Identity();
        Eigen::Vector2d gradient = Eigen::Vector2d::Zero();
        for (std::size_t i = 0; i < values.size(); ++i) {
            const Eigen::Vector2d x(values[i], 1.0);
            const double p = fit(values[i]);
            hessian += p * (1.0 - p) * x * x.transpose();
            gradient += ((truth[i] == 1 ? high : low) - p) * x;
        }
        if (gradient.cwiseAbs().maxCoeff() < 1e-5) break;
        const Eigen::Vector2d step = -hessian.ldlt().solve(gradient);
        double size = 1.0;
        Sigmoid next = fit;
        for (; size >= 1e-10; size /= 2.0) {
            next = {fit.a + size * step[0], fit.b + size * step[1]};
            if (total(next) < before + 1e-4 * size * gradient.dot(step)) break;
        }
        if (size < 1e-10) break;
        fit = next;
        before = total(fit);
    }
    return fit;
}

Eigen::VectorXd couple_pairs(const Eigen::MatrixXd& pairwise) {
    // Minimise sum over pairs of (p(j | i or j) p_i - p(i | i or j) p_j)^2 where the p add up to 1: linear, with a
    // Lagrange multiplier.
    const Eigen::Index k = pairwise.rows();
    Eigen::MatrixXd system = Eigen::MatrixXd::Zero(k + 1, k + 1);
    for (Eigen::Index i = 0; i < k; ++i) {
        for (Eigen::Index j = 0; j < k; ++j) {
            if (i == j) continue;
            system(i, i) += pairwise(j, i) * pairwise(j, i);
            system(i, j) = -pairwise(j, i) * pairwise(i, j);
        }
        system(i, k) = system(k, i) = 1.0;
    }
    Eigen::VectorXd right = Eigen::VectorXd::Zero(k + 1);
    right[k] = 1.0;
    const Eigen::VectorXd solved = system.fullPivLu().solve(right).head(k).cwiseMax(0.0);
    const double sum = solved.sum();
    if (!(sum > 0.0)) return Eigen::VectorXd::Constant(k, 1.0 / static_cast<double>(k));
    return solved / sum;
}

double minimise_log_scale(const std::function<double(double)>& f, double low, double high) {
    const double ratio = (std::sqrt(5.0) - 1.0) / 2.0;
    double left = std::log(low);
    double right = std::log(high);
    double a = right - ratio * (right - left);
    double b = left + ratio * (right - left);
    double at_a = f(std::exp(a));
    double at_b = f(std::exp(b));
    while (right - left > 1e-6) {
        if (at_a <= at_b) {
            right = b;
            b = a;
            at_b = at_a;
            a = right - ratio * (right - left);
            at_a = f(std::exp(a));
        } else {
            left = a;
            a = b;
            at_a = at_b;
            b = left + ratio * (right - left);
            at_b = f(std::exp(b));
        }
    }
    return std::exp(0.5 * (left + right));
}

}  // namespace braggbench
