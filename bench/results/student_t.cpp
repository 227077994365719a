#include "bench/results/student_t.hpp"

#include <algorithm>
#include <cmath>

namespace braggbench {
namespace {

// The continued fraction of DLMF 8.17.22 by Lentz's method.
double beta_fraction(double a, double b, double x) {
    constexpr double tiny = 1e-300;
    constexpr int most_terms = 10000;
    const auto away = [](double value) { return std::abs(value) < tiny ? tiny : value; };
    double c = 1.0;
    double d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    double value = d;
    for (int m = 1; m <= most_terms; ++m) {
        for (const double term : {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                  -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            value *= c * d;
        }
        if (std::abs(c * d - 1.0) < 1e-15) break;
    }
    return value;
}

// I_x(a, b).
double incomplete_beta(double a, double b, double x) {
    if (x <= 0.0) return 0.0;
    if (x >= 1.0) return 1.0;
    const double front =
        std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
    if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

}  // namespace

double student_t_cdf(double t, double degrees_of_freedom) {
    const double x = degrees_of_freedom / (degrees_of_freedom + t * t);
    const double tail = 0.5 * incomplete_beta(0.5 * degrees_of_freedom, 0.5, x);
    return t > 0.0 ? 1.0 - tail : tail;
}

double student_t_quantile(double p, double degrees_of_freedom) {
    if (p < 0.5) return -student_t_quantile(1.0 - p, degrees_of_freedom);
    double low = 0.0;
    double high = 1.0;
    while (student_t_cdf(high, degrees_of_freedom) < p) high *= 2.0;
    for (int i = 0; i < 200 && high - low > 1e-12 * std::max(1.0, high); ++i) {
        const double middle = 0.5 * (low + high);
        (student_t_cdf(middle, degrees_of_freedom) < p ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

}  // namespace braggbench
