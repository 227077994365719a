// Poisson counts from any source of uniform numbers in (0, 1), shared by RandomStream and the detector's response.
// Small means: inversion of the distribution function. Large means: PTRS, Hormann 1993, Insurance: Mathematics and
// Economics 12, 39.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace braggbench {

// Beyond it a count's neighbours are no longer exact in the arithmetic below.
inline constexpr double max_poisson_mean = 1e15;
// PTRS holds from 10 on; its expected cost is independent of the mean.
inline constexpr double ptrs_min_mean = 10.0;

// (0, 1) with 52 random bits: neither end can be returned.
inline double open_uniform(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 20U) | (low >> 12U);
    return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

// (0, 1) with 32 random bits.
inline double open_uniform(std::uint32_t word) { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

// ln k!; std::lgamma is avoided because it writes the global signgam.
inline double log_factorial(double k) {
    static constexpr std::array<double, 10> table = {0.0,
                                                     0.0,
                                                     0.69314718055994531,
                                                     1.7917594692280550,
                                                     3.1780538303479456,
                                                     4.7874917427820460,
                                                     6.5792512120101010,
                                                     8.5251613610654143,
                                                     10.604602902745250,
                                                     12.801827480081469};
    if (k < 10.0) return table[static_cast<std::size_t>(k)];
    const double inverse = 1.0 / k;
    const double inverse2 = inverse * inverse;
    const double stirling = inverse * (1.0 / 12.0 - inverse2 * (1.0 / 360.0 - inverse2 / 1260.0));
    return (k + 0.5) * std::log(k) - k + 0.5 * std::log(2.0 * std::numbers::pi) + stirling;
}

// exp_minus_mean = exp(-mean), which callers may know cheaply.
inline std::uint64_t invert_poisson(double mean, double exp_minus_mean, double uniform) {
    double probability = exp_minus_mean;
    double cumulative = probability;
    std::uint64_t count = 0;
    // Below mean 10 the sum reaches 1 - 2^-53 before 60; the limit ends the walk where rounding keeps it short of 1.
    while (uniform > cumulative && count < 60) {
        ++count;
        probability *= mean / static_cast<double>(count);
        cumulative += probability;
    }
    return count;
}

// `next` returns the next uniform number in (0, 1).
template <class Next>
std::uint64_t draw_poisson(double mean, Next&& next) {
    if (mean <= 0.0) return 0;
    if (mean < ptrs_min_mean) return invert_poisson(mean, std::exp(-mean), next());
    const double root = std::sqrt(mean);
    const double b = 0.931 + 2.53 * root;
    const double a = -0.059 + 0.02483 * b;
    const double v_r = 0.9277 - 3.6224 / (b - 2.0);
    for (;;) {
        const double u = next() - 0.5;
        const double v = next();
        const double us = 0.5 - std::abs(u);
        const double k = std::floor((2.0 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r) return static_cast<std::uint64_t>(k);
        if (k < 0.0 || (us < 0.013 && v > us)) continue;
        const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        if (std::log(v * inverse_alpha / (a / (us * us) + b)) <= k * std::log(mean) - mean - log_factorial(k)) {
            return static_cast<std::uint64_t>(k);
        }
    }
}

}  // namespace braggbench
