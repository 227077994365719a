#include "simulator/mosaic_cap.hpp"

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

MosaicCapTable::MosaicCapTable() : table_(static_cast<std::size_t>(rows) * columns) {
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
        float* const line = table_.data() + row * columns;
        const double root =
            static_cast<double>(lowest_root) + (1.0 - static_cast<double>(lowest_root)) * row / (rows - 1);
        const double sigma = root * root;
        const double edge = std::sqrt(1.0 - sigma * sigma) / cap_rms_per_edge;
        for (int column = 0; column < columns; ++column) {
            const double x = std::sqrt(column / static_cast<double>(per_unit2));
            if (edge < 1e-3) {
                line[column] = static_cast<float>(std::exp(-0.5 * x * x));
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
            line[column] = static_cast<float>(2.0 * std::numbers::pi * sum / (edge * edge * sigma * sigma));
        }
    }
}

}  // namespace braggbench
