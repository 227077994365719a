#include "simulator/noise.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

#include "simulator/fast_math.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {
namespace {

using Words = std::array<std::uint32_t, noise_block_px>;
// Pixels that the fast arithmetic cannot decide: rarely one in a block.
using Flags = std::array<std::int32_t, noise_block_px>;

bool none(const Flags& flags) {
    std::int32_t any = 0;
    for (const std::int32_t flag : flags) any |= flag;
    return any == 0;
}

// Below this mean the distribution function is summed from zero; above, Temme's expansion takes over.
constexpr float sum_below_mean = 2.0F;
// Above the square of this single precision no longer decides between neighbouring counts often enough.
constexpr float max_fast_root = 1024.0F;
// The fast quantiles hold where 1 - (2u - 1)^2 > 2^-13, i.e. |z| < 4.
constexpr float max_fast_tail_bits = 13.0F;
constexpr std::int32_t fast_tail_words = 1 << 17;  // of the 2^32, at either end

// The polynomials below are Chebyshev interpolants, made in 30-digit arithmetic from the functions named; the tests
// compare what they yield with the double-precision quantiles of this file.

// log2(1 + t) / t on [1/sqrt 2, sqrt 2]; 5e-8.
constexpr std::array log2_terms = {1.442695F,     -0.721347468F, 0.480910753F,  -0.360693268F, 0.287903261F,
                                   -0.239169881F, 0.216078226F,  -0.205861881F, 0.123109685F};
// z / (2u - 1) of the normal quantile z(u), in t = 2 v / 13 - 1 with v = -log2(4 u (1 - u)); 1e-7. The variable is
// that of Giles 2011 (GPU Computing Gems, Jade edition, chapter 10).
constexpr std::array normal_terms = {2.78930784F,     1.40785367F,    -0.211497162F,   -0.000210885152F,
                                     0.0478169995F,   -0.0349942814F, 0.0109766703F,   0.00347207151F,
                                     -0.00634238228F, 0.00242363748F, 0.000900117265F, -0.000696302684F};
// Temme's functions of s = z / sqrt(mean) on [-1.25, 3], in t = 1.2031604 sqrt(s + 1.45) - 1.5380697, which keeps the
// singularity at s = -sqrt 2 at a distance. With r(s) from 1 - r + r ln r = s^2 / 2, sign(r - 1) = sign(s):
constexpr float lowest_s = -1.25F;
// (r - 1 - s) / s^2; 1.4e-6.
constexpr std::array bend_terms = {0.164226285F,     -0.0268686306F,  0.00511326789F,  -0.00058089713F,
                                   -0.000194101404F, 0.000306484345F, -0.000150229059F};
// ln(s sqrt(r) / (r - 1)) / ln r; 2.2e-5.
constexpr std::array shift_terms = {0.328489627F,    -0.0530016408F,  0.0143705514F,  -0.00348504603F,
                                    0.000873756768F, -0.00115243672F, 0.000740532794F};
// What is then missing, times the mean, from the inverse incomplete gamma function at mean 5; 4e-4.
constexpr std::array rest_terms = {-0.0169887901F, 0.0304288617F, -0.0320011428F, 0.0143296828F,
                                   -0.0165972562F, 0.0447858437F, -0.0283501041F};

// Estrin's scheme, constant term first: half the depth of Horner's at every level, so that the multiplications of
// one pixel overlap.
template <std::size_t N>
inline float polynomial(const std::array<float, N>& terms, float t) {
    if constexpr (N == 1) {
        return terms[0];
    } else {
        std::array<float, (N + 1) / 2> pairs{};
        for (std::size_t i = 0; i < N / 2; ++i) pairs[i] = terms[2 * i] + terms[2 * i + 1] * t;
        if constexpr (N % 2 == 1) pairs[N / 2] = terms[N - 1];
        return polynomial(pairs, t * t);
    }
}

// Normal quantiles of the words, and which of them lie too far out. Three loops rather than one: each has a short chain
// of dependent operations, so that the processor overlaps many pixels (half the time of the fused loop).
void fast_normals(const Words& words, NoiseBlock& normals, Flags& open) {
    NoiseBlock centred_uniform;
    NoiseBlock scaled_bits;
    float* __restrict x = centred_uniform.values.data();
    float* __restrict t = scaled_bits.values.data();
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        // u - 1/2 = (centred + 1/2) / 2^32, and the distance to the nearer end, (distance + 1/2) / 2^32: both from
        // integers, so that neither the middle nor the tails lose precision.
        const auto centred = static_cast<std::int32_t>(words[i] ^ 0x80000000U);
        const std::int32_t distance = 0x7fffffff - (centred ^ (centred >> 31));
        x[i] = (static_cast<float>(centred) + 0.5F) * 0x1p-31F;
        const float nearer = (static_cast<float>(distance) + 0.5F) * 0x1p-30F;
        t[i] = nearer * (1.0F - 0.25F * nearer);
        open[i] = distance < fast_tail_words ? 1 : 0;
    }
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        const auto bits = std::bit_cast<std::int32_t>(t[i]);
        constexpr std::int32_t root_half = 0x3f3504f3;
        const std::int32_t exponent = (bits - root_half) >> 23;
        const float f = std::bit_cast<float>(bits - (exponent << 23)) - 1.0F;
        constexpr float scale = -2.0F / max_fast_tail_bits;
        t[i] = f * (scale * polynomial(log2_terms, f)) + (scale * static_cast<float>(exponent) - 1.0F);
    }
    float* __restrict z = normals.values.data();
    for (std::size_t i = 0; i < noise_block_px; ++i) z[i] = x[i] * polynomial(normal_terms, t[i]);
}

Uniform64 uniform_of(const NoiseKey& key, std::size_t pixel, std::uint32_t word) {
    const auto block = static_cast<std::uint32_t>(max_noise_pixels + pixel);
    return Uniform64::from_bits(word, philox_block(key.seed, key.image_index, key.stage, block)[0]);
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
double expand_quantile(double mean, Uniform64 u) {
    const double z = normal_quantile(u);
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

// Sums the distribution function from zero; flags what it cannot decide.
// The explicit vectors keep the running sums of eight pixels in registers, which no compiler does from nested loops.
typedef float Floats __attribute__((vector_size(32)));
typedef std::int32_t Ints __attribute__((vector_size(32)));

int terms_for(float highest_mean) {
    double probability = std::exp(-static_cast<double>(highest_mean));
    double beyond = 1.0 - probability;
    int terms = 1;
    while (beyond > 1e-4) {
        probability *= static_cast<double>(highest_mean) / terms;
        beyond -= probability;
        ++terms;
    }
    return terms;
}

void sum_small_means(const Words& words, const NoiseBlock& means, float highest, NoiseBlock& counts, Flags& open) {
    NoiseBlock zero_probability;
    NoiseBlock uniform;
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        const float mean = means.values[i];
        zero_probability.values[i] = fast_exp(-std::min(mean, sum_below_mean));
        uniform.values[i] =
            0.5F + (static_cast<float>(static_cast<std::int32_t>(words[i] ^ 0x80000000U)) + 0.5F) * 0x1p-32F;
    }
    const int terms = terms_for(highest);
    constexpr float doubt = 2e-6F;  // rounding of the sums and of fast_exp
    for (std::size_t i = 0; i < noise_block_px; i += 8) {
        const auto& mean = *reinterpret_cast<const Floats*>(&means.values[i]);
        Floats probability = *reinterpret_cast<const Floats*>(&zero_probability.values[i]);
        Floats left = *reinterpret_cast<const Floats*>(&uniform.values[i]);
        Floats nearest = left * 0.0F + 1.0F;
        Ints count = left != left;
        for (int k = 1;; ++k) {
            left -= probability;
            count -= left > 0.0F;
            const Floats gap = left < 0.0F ? -left : left;
            nearest = gap < nearest ? gap : nearest;
            if (k == terms) break;
            probability *= mean * (1.0F / static_cast<float>(k));
        }
        const Ints small = mean < sum_below_mean;
        const Ints undecided = small & ((nearest < doubt) | (left > 0.0F));
        auto& result = *reinterpret_cast<Floats*>(&counts.values[i]);
        auto& flags = *reinterpret_cast<Ints*>(&open[i]);
        // Comparisons yield -1 per true lane, hence the minus above.
        result = small ? __builtin_convertvector(count, Floats) : result;
        flags = small ? undecided : flags;
    }
}

void expand_large_means(const Words& words, const NoiseBlock& means, NoiseBlock& counts, Flags& open) {
    NoiseBlock normals;
    NoiseBlock inverse_roots;
    NoiseBlock variables;
    fast_normals(words, normals, open);
    const float* __restrict mean = means.values.data();
    float* __restrict z = normals.values.data();
    float* __restrict inverse_root = inverse_roots.values.data();
    float* __restrict t = variables.values.data();
    float* __restrict count = counts.values.data();
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        const float given = mean[i];
        const float m = std::max(given, sum_below_mean);
        inverse_root[i] = 1.0F / std::sqrt(m);
        // Below lowest_s the count is 0 for every mean under 10, and above that |z| is beyond the fast range.
        z[i] = std::max(z[i], lowest_s * (m * inverse_root[i]));
        t[i] = 1.20316043F * std::sqrt(z[i] * inverse_root[i] + 1.45F) - 1.5380697F;
    }
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        const float whole = std::floor(mean[i]);
        const float root = mean[i] * inverse_root[i];
        const float square = inverse_root[i] * inverse_root[i];
        const float offset = (mean[i] - whole) + root * z[i] + z[i] * z[i] * polynomial(bend_terms, t[i]) +
                             (polynomial(shift_terms, t[i]) + square * polynomial(rest_terms, t[i]));
        const float below = std::floor(offset);
        const float fraction = offset - below;
        const float margin = std::min(fraction, 1.0F - fraction);
        // Errors of the polynomials, of the expansion at small means, and of single precision.
        float doubt = 8e-5F + 2e-3F * square * square + 3e-6F * root;
        doubt = root > max_fast_root ? 1.0F : doubt;
        const float sum = whole + below;
        count[i] = sum > 0.0F ? sum : 0.0F;
        open[i] |= margin < doubt ? 1 : 0;
    }
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
    if (mean >= 1000.0) return expand_quantile(mean, u);
    return walk_to_quantile(mean, u, std::floor(mean + (mean > 30.0 ? std::sqrt(mean) * normal_quantile(u) : 0.0)));
}

void uniform_block(const NoiseKey& key, std::size_t first_pixel, Words& words) {
    philox_words(key.seed, key.image_index, key.stage, static_cast<std::uint32_t>(first_pixel / 4), words);
}

void normal_block(const NoiseKey& key, std::size_t first_pixel, NoiseBlock& normals) {
    alignas(32) Words words;
    uniform_block(key, first_pixel, words);
    alignas(32) Flags open;
    fast_normals(words, normals, open);
    if (none(open)) return;
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        if (open[i] != 0) {
            normals.values[i] = static_cast<float>(normal_quantile(uniform_of(key, first_pixel + i, words[i])));
        }
    }
}

void poisson_block(const NoiseKey& key, std::size_t first_pixel, const NoiseBlock& means, NoiseBlock& counts) {
    alignas(32) Words words;
    uniform_block(key, first_pixel, words);
    // Positive floats are ordered like their bits; the largest of integers, unlike that of floats, is found in SIMD
    // code.
    std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
    std::int32_t highest = 0;
    std::int32_t highest_small = 0;
    for (const float mean : means.values) {
        const auto bits = std::bit_cast<std::int32_t>(mean);
        const std::int32_t small = bits < std::bit_cast<std::int32_t>(sum_below_mean) ? bits : 0;
        highest = bits > highest ? bits : highest;
        lowest = bits < lowest ? bits : lowest;
        highest_small = small > highest_small ? small : highest_small;
    }
    alignas(32) Flags open{};
    if (std::bit_cast<float>(highest) >= sum_below_mean) expand_large_means(words, means, counts, open);
    if (std::bit_cast<float>(lowest) < sum_below_mean) {
        sum_small_means(words, means, std::bit_cast<float>(highest_small), counts, open);
    }
    if (none(open)) return;
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        if (open[i] == 0) continue;
        const Uniform64 uniform = uniform_of(key, first_pixel + i, words[i]);
        counts.values[i] = static_cast<float>(poisson_quantile(static_cast<double>(means.values[i]), uniform));
    }
}

}  // namespace braggbench
