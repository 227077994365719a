#include "simulator/mosaic_cap.hpp"

#include <algorithm>
#include <array>
#include <numbers>

#include "simulator/crystal.hpp"
#include "simulator/quadrature.hpp"

namespace braggbench {
namespace {

// exp(-x) I0(x): Abramowitz & Stegun 1964, 9.8.1 and 9.8.2; 2e-7 relative.
double scaled_bessel_i0(double x) {
    if (x < 3.75) {
        const double t = x * x / (3.75 * 3.75);
        return std::exp(-x) *
               (1.0 + t * (3.5156229 +
                           t * (3.0899424 + t * (1.2067492 + t * (0.2659732 + t * (0.0360768 + t * 0.0045813))))));
    }
    const double t = 3.75 / x;
    const double series =
        0.39894228 +
        t * (0.01328592 +
             t * (0.00225319 +
                  t * (-0.00157565 +
                       t * (0.00916281 + t * (-0.02057706 + t * (0.02635537 + t * (-0.01647633 + t * 0.00392377)))))));
    return series / std::sqrt(x);
}

constexpr int rows = 40;
constexpr double lowest_root = 0.1;
constexpr std::size_t row_size = 2 * MosaicCapTable::columns;

}  // namespace

double mosaic_cap_density(double fraction) {
    if (!(fraction < 1.0)) return 0.0;
    // Along the third component z = sqrt(1 - fraction^2) sin(phi) the square-root singularity at the edge is lifted.
    const double room = 1.0 - fraction * fraction;
    double sum = 0.0;
    for (std::size_t n = 0; n < gauss_legendre_10.size(); ++n) {
        const double sine = std::sin(0.25 * std::numbers::pi * (1.0 + gauss_legendre_10[n].node));
        const double w = std::sqrt(fraction * fraction + room * sine * sine);
        sum += gauss_legendre_10[n].weight * std::sqrt((1.0 + w) / (1.0 + w + w * w));
    }
    return 3.0 / (4.0 * std::numbers::pi) * 0.25 * std::numbers::pi * sum;
}

const MosaicCapTable& MosaicCapTable::instance() {
    static const MosaicCapTable table;
    return table;
}

MosaicCapTable::MosaicCapTable() : table_(rows * row_size) {
    constexpr int knots = 256;
    std::array<double, knots + 1> density{};
    for (std::size_t i = 0; i < knots; ++i) density[i] = mosaic_cap_density(static_cast<double>(i) / knots);
    density[knots] = mosaic_cap_density(1.0 - 1e-12);
    const auto density_at = [&](double fraction) {
        const double t = std::min(fraction, 1.0) * knots;
        const auto i = std::min(static_cast<std::size_t>(t), static_cast<std::size_t>(knots - 1));
        return density[i] + (t - static_cast<double>(i)) * (density[i + 1] - density[i]);
    };
    for (int row = 0; row < rows; ++row) {
        float* const line = table_.data() + static_cast<std::size_t>(row) * row_size;
        const double root = lowest_root + (1.0 - lowest_root) * row / (rows - 1);
        const double sigma = root * root;
        const double edge = std::sqrt(1.0 - sigma * sigma) / cap_rms_per_edge;
        std::array<double, columns> round{};
        for (int column = 0; column < columns; ++column) {
            double& value = round[static_cast<std::size_t>(column)];
            const double x = std::sqrt(column / static_cast<double>(per_unit2));
            if (edge < 1e-3) {
                value = std::exp(-0.5 * x * x);
                continue;
            }
            const double low = std::max(0.0, x - 6.0 * sigma);
            const double high = std::min(edge, x + 6.0 * sigma);
            double sum = 0.0;
            constexpr int pieces = 3;
            const double half = 0.5 * (high - low) / pieces;
            for (int piece = 0; piece < pieces && half > 0; ++piece) {
                for (const auto& [node, weight] : gauss_legendre_10) {
                    const double t = low + half * (2 * piece + 1 + node);
                    const double away = (x - t) / sigma;
                    sum += half * weight * t * density_at(t / edge) * std::exp(-0.5 * away * away) *
                           scaled_bessel_i0(x * t / (sigma * sigma));
                }
            }
            value = 2.0 * std::numbers::pi * sum / (edge * edge * sigma * sigma);
        }
        // Denormal numbers would slow every loop that meets them.
        for (double& value : round) value = value > 1e-12 ? value : 0.0;
        std::ranges::transform(round, line, [](double value) { return static_cast<float>(value); });
        // A skew d of the share stretches the cap by -d / (2 - 2 s) and adds d / (1 - s) to the Gaussian's variance, in
        // opposite senses along the two axes: (x K' + K'' - K' / x) cos(2 phi) / (2 - 2 s), here in terms of w = x^2.
        if (edge < 1e-3) continue;
        for (std::size_t column = 1; column + 1 < round.size(); ++column) {
            const double step = 1.0 / static_cast<double>(per_unit2);
            const double first = (round[column + 1] - round[column - 1]) / (2.0 * step);
            const double second = (round[column + 1] - 2.0 * round[column] + round[column - 1]) / (step * step);
            const double w = static_cast<double>(column) * step;
            line[columns + static_cast<int>(column)] =
                static_cast<float>(w * (first + 2.0 * second) / (1.0 - sigma * sigma));
        }
    }
}

void MosaicCapTable::select(double gaussian_share, float* out) const {
    const double root = std::sqrt(std::sqrt(std::clamp(gaussian_share, 0.0, 1.0)));
    const double row = std::max(root - lowest_root, 0.0) * ((rows - 1) / (1.0 - lowest_root));
    const auto i = std::min(static_cast<std::size_t>(row), static_cast<std::size_t>(rows - 2));
    const auto f = static_cast<float>(row - static_cast<double>(i));
    const float* const low = table_.data() + i * row_size;
    const float* const high = low + row_size;
    for (std::size_t n = 0; n < row_size; ++n) out[n] = low[n] + f * (high[n] - low[n]);
}

}  // namespace braggbench
