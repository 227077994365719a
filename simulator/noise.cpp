#include "simulator/noise.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

#include "simulator/eight_lanes.hpp"
#include "simulator/poisson.hpp"
#include "simulator/small_poisson.hpp"

namespace braggbench {
namespace {

using Words = std::array<std::uint32_t, noise_block_px>;
// What one key's blocks of four words are for: normals from block 0 on, words of small means from small_mean_pixels / 4
// on, and from further_bits_block on one block for each pixel.
constexpr std::size_t small_mean_pixels = max_noise_pixels;
constexpr std::size_t further_bits_block = max_noise_pixels;
// Pixels that the fast arithmetic cannot decide: rarely one in a block.
using Flags = std::array<std::int32_t, noise_block_px>;
// Above this mean single precision no longer decides between neighbouring counts often enough.
constexpr float max_fast_mean = 0x1p20F;
// Where the fit of Temme's functions ends; beyond it the count is found exactly.
constexpr float max_fast_normal = 4.0F;

// The polynomials below are Chebyshev interpolants, made in 30-digit arithmetic from the functions named; the tests
// compare what they yield with the double-precision quantiles of this file.

// log2(1 + t) / t on [1/sqrt 2, sqrt 2]; 5e-8.
constexpr std::array log2_terms = {1.442695F,     -0.721347468F, 0.480910753F,  -0.360693268F, 0.287903261F,
                                   -0.239169881F, 0.216078226F,  -0.205861881F, 0.123109685F};
constexpr std::array sine_terms = {1.0F, -1.0F / 6, 1.0F / 120, -1.0F / 5040};
constexpr std::array cosine_terms = {1.0F, -1.0F / 2, 1.0F / 24, -1.0F / 720, 1.0F / 40320};
// Temme's functions of s = z / sqrt(mean) on [-1, 1]. With r(s) from 1 - r + r ln r = s^2 / 2, sign(r - 1) = sign(s):
// (r - 1 - s) / s^2; 1.5e-6.
constexpr std::array bend_terms = {0.166666076F,    -0.0138885519F,   0.00372236501F,  -0.00134169217F,
                                   0.000470428175F, -0.000207787554F, 0.000248986587F, -0.00013499819F};
// ln(s sqrt(r) / (r - 1)) / ln r; 2.3e-5.
constexpr std::array shift_terms = {0.333333343F,   -0.027837554F,   0.00867794733F, -0.0030674953F,
                                    0.00137937232F, -0.00163467764F, 0.000930115057F};
// What is then missing, times the mean, from the inverse incomplete gamma function at mean 16; 5e-3.
constexpr std::array rest_terms = {-0.0182643812F, 0.0162844248F, -0.0242767371F, 0.0172339082F};

// Estrin's scheme, constant term first: half the depth of Horner's at every level, so that the multiplications of
// one pixel overlap.
template <class Term, std::size_t N, class Number>
inline Number polynomial(const std::array<Term, N>& terms, Number t) {
    if constexpr (N == 1) {
        return terms[0];
    } else {
        std::array<Number, (N + 1) / 2> pairs{};
        for (std::size_t i = 0; i < N / 2; ++i) pairs[i] = terms[2 * i] + terms[2 * i + 1] * t;
        if constexpr (N % 2 == 1) pairs[N / 2] = terms[N - 1] + Number{};
        return polynomial(pairs, t * t);
    }
}

constexpr std::size_t half_block = noise_block_px / 2;
using Directions = std::array<std::uint32_t, half_block>;

// Per pair of pixels: 32 bits for a radius and 16 for an angle where counts are to be exact, 22 and 10 for read-out.
constexpr std::size_t normal_words = half_block + half_block / 2;
constexpr std::size_t read_out_words = half_block;
constexpr std::uint32_t angle_bits = 10;

// Box & Muller 1958: number p of radii gives that of the pixels p and p + half_block, number p of directions their
// angle, whose upper bits count. Neither 65536 nor 1024 directions leave a trace in either normal, the radius being
// continuous. Loops of short chains of dependent operations: the processor overlaps more pixels than in one loop.
void box_muller(const std::array<float, half_block>& uniform, const Directions& directions, float lowest_angle,
                NoiseBlock& normals) {
    alignas(32) std::array<float, half_block> squares;
    float* __restrict square = squares.data();
    float* __restrict z = normals.values.data();
    for (std::size_t i = 0; i < half_block; ++i) {
        const auto bits = std::bit_cast<std::int32_t>(uniform[i]);
        constexpr std::int32_t root_half = 0x3f3504f3;
        const std::int32_t exponent = (bits - root_half) >> 23;
        const float f = std::bit_cast<float>(bits - (exponent << 23)) - 1.0F;
        constexpr float scale = -2.0F * std::numbers::ln2_v<float>;
        square[i] = scale * static_cast<float>(exponent) + f * (scale * polynomial(log2_terms, f));
    }
    for (std::size_t i = 0; i < half_block; ++i) {
        const std::uint32_t word = directions[i];
        // The two upper bits choose the quadrant, the others an angle of at most pi/4 either way.
        const float angle = (static_cast<float>(static_cast<std::int32_t>(word << 2U)) + lowest_angle) *
                            (std::numbers::pi_v<float> / 4.0F * 0x1p-31F);
        const float angle2 = angle * angle;
        // Taylor series; the first terms left out are below 3e-7.
        const float sine = angle * polynomial(sine_terms, angle2);
        const float cosine = polynomial(cosine_terms, angle2);
        const float positive = square[i] > 0.0F ? square[i] : 0.0F;
        const float radius = std::sqrt(positive);
        const bool odd = (word & 0x40000000U) != 0;
        const float first = radius * (odd ? sine : cosine);
        const float second = radius * (odd ? cosine : sine);
        const std::uint32_t first_sign = (word ^ (word << 1U)) & 0x80000000U;
        const std::uint32_t second_sign = word & 0x80000000U;
        z[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(first) ^ first_sign);
        z[i + half_block] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(second) ^ second_sign);
    }
}

// P(Poisson(mean) = n) for n >= 0.
double poisson_probability(double mean, double n) { return std::exp(n * std::log(mean) - mean - log_factorial(n)); }

// Walks from a guess to the quantile by exact sums of the nearer tail.
double walk_to_quantile(double mean, Uniform64 u, double guess) {
    double n = std::max(guess, 0.0);
    double probability = poisson_probability(mean, n);
    if (u.lower < u.upper) {
        double cumulative = 0.0;  // P(count <= n)
        double term = probability;
        for (double k = n; k >= 0.0 && term > 1e-17 * cumulative; --k) {
            cumulative += term;
            term *= k / mean;
        }
        while (cumulative < u.lower) {
            ++n;
            probability *= mean / n;
            cumulative += probability;
        }
        while (n > 0.0 && cumulative - probability >= u.lower) {
            cumulative -= probability;
            probability *= n / mean;
            --n;
        }
        return n;
    }
    double beyond = 0.0;  // P(count > n)
    double k = n + 1.0;
    double term = probability * mean / k;
    while (term > 1e-17 * beyond || k < mean) {
        beyond += term;
        ++k;
        term *= mean / k;
    }
    while (beyond > u.upper) {
        ++n;
        probability *= mean / n;
        beyond = std::max(beyond - probability, 0.0);
    }
    while (n > 0.0 && beyond + probability <= u.upper) {
        beyond += probability;
        probability *= n / mean;
        --n;
    }
    return n;
}

// Temme's expansion for means from 1000 on, where |s| < 0.3 even at |z| = 9; the next terms are below 2e-6.
double expand_quantile(double mean, double z) {
    const double root = std::sqrt(mean);
    const double s = z / root;
    // r by reversal of its defining series.
    const double bend =
        1.0 / 6 +
        s * (-1.0 / 72 + s * (1.0 / 270 + s * (-23.0 / 17280 +
                                               s * (19.0 / 34020 + s * (-11237.0 / 43545600 + s * 13.0 / 102060)))));
    const double y = s + s * s * bend;
    const double shift = std::abs(s) < 1e-3 ? 1.0 / 3 + s * (-1.0 / 36 + s * 7.0 / 810)
                                            : (std::log(s / y) + 0.5 * std::log1p(y)) / std::log1p(y);
    const double rest = -8.0 / 405 + 0.01735 * s;
    const double whole = std::floor(mean);
    const double offset = (mean - whole) + root * z + z * z * bend + shift + rest / mean;
    return std::max(whole + std::floor(offset), 0.0);
}

// The lowest and the highest of the means, as bits: positive floats are ordered like these, negative ones and NaN come
// after them. Extremes of integers, unlike those of floats, are found in SIMD code.
struct Extent {
    std::uint32_t lowest = 0xffffffff;
    std::uint32_t highest = 0;
};

Extent extent(std::span<const float> means) {
    Extent found;
    for (const float mean : means) {
        const float positive_zero = mean + 0.0F;
        const auto bits = std::bit_cast<std::uint32_t>(positive_zero);
        found.highest = bits > found.highest ? bits : found.highest;
        found.lowest = bits < found.lowest ? bits : found.lowest;
    }
    return found;
}

// Counts from normals by Temme's expansion for means from small_poisson_end on; flags what it cannot decide. Loops of
// short chains of dependent operations, as above.
void expand_large_means(const float* normals, std::span<const float> means, Extent extent, float* counts,
                        std::int32_t* open) {
    alignas(32) std::array<float, noise_block_px> inverses;
    alignas(32) std::array<float, noise_block_px> offsets;
    const auto eight = [](auto& values, std::size_t i) -> Floats& { return *reinterpret_cast<Floats*>(&values[i]); };
    for (std::size_t i = 0; i < means.size(); i += 8) eight(inverses, i) = inverse_root(loose_floats(&means[i]));
    for (std::size_t i = 0; i < means.size(); i += 8) {
        const Floats mean = loose_floats(&means[i]);
        const Floats inverse = eight(inverses, i);
        const Floats s = *reinterpret_cast<const Floats*>(normals + i) * inverse;
        eight(offsets, i) = mean * (s + s * s * polynomial(bend_terms, s)) +
                            (inverse * inverse * polynomial(rest_terms, s) + polynomial(shift_terms, s)) +
                            (mean - floors(mean));
    }
    // Errors of the expansion at small means, of the polynomials, and of single precision.
    const float lowest = std::max(std::bit_cast<float>(extent.lowest), small_poisson_end);
    const float highest = std::min(std::bit_cast<float>(extent.highest), max_fast_mean);
    const float doubt = 4.8e-3F / lowest + 3e-5F + 3e-6F * std::sqrt(highest);
    for (std::size_t i = 0; i < means.size(); i += 8) {
        const Floats z = *reinterpret_cast<const Floats*>(normals + i);
        const Floats offset = eight(offsets, i);
        const Floats below = floors(offset);
        *reinterpret_cast<Floats*>(counts + i) = floors(loose_floats(&means[i])) + below;
        *reinterpret_cast<Ints*>(open + i) =
            (magnitude(offset - below - 0.5F) > 0.5F - doubt) | (magnitude(z) > max_fast_normal);
    }
    if (std::bit_cast<float>(extent.highest) > max_fast_mean) {
        for (std::size_t i = 0; i < means.size(); ++i) open[i] |= means[i] > max_fast_mean ? -1 : 0;
    }
}

// The quantile of a normal's own probability.
double poisson_quantile_of_normal(double mean, double z) {
    if (mean >= 1000.0) return expand_quantile(mean, z);
    const double scaled = z / std::numbers::sqrt2;
    const Uniform64 u{0.5 * std::erfc(-scaled), 0.5 * std::erfc(scaled)};
    return walk_to_quantile(mean, u, std::floor(mean + (mean > 30.0 ? std::sqrt(mean) * z : 0.0)));
}

}  // namespace

Uniform64 Uniform64::from_bits(std::uint32_t high, std::uint32_t low) {
    const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32U) | low;
    return {(static_cast<double>(bits) + 0.5) * 0x1p-64, (static_cast<double>(~bits) + 0.5) * 0x1p-64};
}

double normal_quantile(Uniform64 u) {
    const double tail = std::min(u.lower, u.upper);
    // Newton's method on the logarithm of the tail, which is concave: from the left of the root it cannot overshoot.
    double z = tail > 0.02 ? 0.0 : std::sqrt(-2.0 * std::log(tail)) - 1.5;
    for (int step = 0; step < 60; ++step) {
        const double q = 0.5 * std::erfc(z / std::numbers::sqrt2);
        const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
        const double change = q / density * std::log(q / tail);
        z += change;
        if (std::abs(change) < 1e-14 * (1.0 + z)) break;
    }
    return u.lower < u.upper ? -z : z;
}

double poisson_quantile(double mean, Uniform64 u) {
    if (mean <= 0.0) return 0.0;
    if (mean >= 1000.0) return expand_quantile(mean, normal_quantile(u));
    return walk_to_quantile(mean, u, std::floor(mean + (mean > 30.0 ? std::sqrt(mean) * normal_quantile(u) : 0.0)));
}

void uniform_block(const NoiseKey& key, std::size_t first_pixel, std::span<std::uint32_t> words) {
    philox_words<noise_rounds>(key.seed, key.image_index, key.stage, static_cast<std::uint32_t>(first_pixel / 4),
                               words);
}

void normal_block(const NoiseKey& key, std::size_t first_pixel, NoiseBlock& normals) {
    alignas(32) std::array<std::uint32_t, normal_words> words;
    uniform_block(key, first_pixel / noise_block_px * normal_words, words);
    alignas(32) Directions directions;
    for (std::size_t i = 0; i < half_block / 2; ++i) {
        directions[i] = words[half_block + i] << 16U;
        directions[i + half_block / 2] = words[half_block + i] & 0xffff0000U;
    }
    alignas(32) std::array<float, half_block> uniform;
    for (std::size_t i = 0; i < half_block; ++i) {
        uniform[i] = (static_cast<float>(static_cast<std::int32_t>(words[i] >> 1U)) + 0.5F) * 0x1p-31F;
    }
    box_muller(uniform, directions, 0x1p17F, normals);
}

void read_out_normal_block(const NoiseKey& key, std::size_t first_pixel, NoiseBlock& normals) {
    alignas(32) std::array<std::uint32_t, read_out_words> words;
    uniform_block(key, first_pixel / noise_block_px * read_out_words, words);
    alignas(32) Directions directions;
    alignas(32) std::array<float, half_block> uniform;
    for (std::size_t i = 0; i < half_block; ++i) {
        directions[i] = words[i] << (32U - angle_bits);
        const auto radius_word = static_cast<std::int32_t>(words[i] >> angle_bits);
        uniform[i] = (static_cast<float>(radius_word) + 0.5F) * 0x1p-22F;
    }
    box_muller(uniform, directions, 0x1p23F, normals);
}

bool poisson_block(const NoiseKey& key, std::size_t first_pixel, std::span<const float, noise_block_px> means,
                   NoiseBlock& counts) {
    const auto [lowest, highest] = extent(means);
    if (highest > std::bit_cast<std::uint32_t>(static_cast<float>(max_poisson_mean))) return false;
    if (highest == 0) {
        // No photons were expected: beam off, or a shadow.
        counts.values.fill(0.0F);
        return true;
    }
    alignas(32) Flags open;
    alignas(32) Words words;
    NoiseBlock normals;
    constexpr auto first_large = std::bit_cast<std::uint32_t>(small_poisson_end);
    if (highest >= first_large) {
        normal_block(key, first_pixel, normals);
        expand_large_means(normals.values.data(), means, {lowest, highest}, counts.values.data(), open.data());
    }
    if (lowest < first_large) {
        // Words of their own: normals come of words that are shared by pairs of pixels.
        uniform_block(key, first_pixel + small_mean_pixels, words);
        if (highest < first_large) {
            draw_small_poisson(words, means, counts.values.data(), open.data());
        } else {
            NoiseBlock small_counts;
            alignas(32) Flags small_open;
            draw_small_poisson(words, means, small_counts.values.data(), small_open.data());
            for (std::size_t i = 0; i < noise_block_px; ++i) {
                const bool small = means[i] < small_poisson_end;
                counts.values[i] = small ? small_counts.values[i] : counts.values[i];
                open[i] = small ? small_open[i] : open[i];
            }
        }
    }
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        // Eight at a time, for nearly all are decided.
        if (i % 8 == 0 && !any(*reinterpret_cast<const Ints*>(&open[i]))) {
            i += 7;
            continue;
        }
        if (open[i] == 0) continue;
        if (means[i] < small_poisson_end) {
            const auto block = static_cast<std::uint32_t>(further_bits_block + first_pixel + i);
            const auto further = philox_block(key.seed, key.image_index, key.stage, block);
            counts.values[i] = small_poisson(means[i], words[i], further[0], further[1]);
        } else {
            const auto mean = static_cast<double>(means[i]);
            const auto z = static_cast<double>(normals.values[i]);
            counts.values[i] = static_cast<float>(poisson_quantile_of_normal(mean, z));
        }
    }
    return true;
}

}  // namespace braggbench
