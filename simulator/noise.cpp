#include "simulator/noise.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "simulator/fast_math.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {
namespace {

using Words = std::array<std::uint32_t, noise_block_px>;
// What one key's blocks of four words are for: normals from block 0 on, words of small means from small_mean_pixels / 4
// on, and from further_bits_block on one block for each pixel.
constexpr std::size_t small_mean_pixels = max_noise_pixels;
constexpr std::size_t further_bits_block = max_noise_pixels;
// Pixels that the fast arithmetic cannot decide: rarely one in a block.
using Flags = std::array<std::int32_t, noise_block_px>;
// Small and large means take different ways; a chunk of pixels takes only those that it needs.
constexpr std::size_t chunk_px = 64;

// Below this mean the distribution function is summed from zero; above, Temme's expansion takes over.
constexpr float sum_below_mean = 2.0F;
// Above the square of this single precision no longer decides between neighbouring counts often enough.
constexpr float max_fast_root = 1024.0F;
// Where the fit of Temme's functions ends; beyond it the count is found exactly.
constexpr float max_fast_normal = 4.0F;

// The polynomials below are Chebyshev interpolants, made in 30-digit arithmetic from the functions named; the tests
// compare what they yield with the double-precision quantiles of this file.

// log2(1 + t) / t on [1/sqrt 2, sqrt 2]; 5e-8.
constexpr std::array log2_terms = {1.442695F,     -0.721347468F, 0.480910753F,  -0.360693268F, 0.287903261F,
                                   -0.239169881F, 0.216078226F,  -0.205861881F, 0.123109685F};
constexpr std::array sine_terms = {1.0F, -1.0F / 6, 1.0F / 120, -1.0F / 5040};
constexpr std::array cosine_terms = {1.0F, -1.0F / 2, 1.0F / 24, -1.0F / 720, 1.0F / 40320};
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

// The explicit vectors keep the running sums of eight pixels in registers, which no compiler does from nested loops.
using Floats [[gnu::vector_size(32), gnu::may_alias]] = float;
using Ints [[gnu::vector_size(32), gnu::may_alias]] = std::int32_t;

// Lanes of one kind: minima, magnitudes and tests that compilers do not make of vectors by themselves.
#ifdef __AVX2__
Floats lower(Floats a, Floats b) { return _mm256_min_ps(a, b); }
bool any(Ints lanes) { return _mm256_movemask_ps(_mm256_castsi256_ps(reinterpret_cast<__m256i>(lanes))) != 0; }
#else
Floats lower(Floats a, Floats b) { return a < b ? a : b; }
bool any(Ints lanes) {
    std::int32_t all = 0;
    for (int lane = 0; lane < 8; ++lane) all |= lanes[lane];
    return all != 0;
}
#endif
Floats magnitude(Floats a) { return reinterpret_cast<Floats>(reinterpret_cast<Ints>(a) & 0x7fffffff); }

constexpr int most_terms = 16;
constexpr int term_steps = 32;

// How many terms leave at most `beyond` of the distribution, for means of up to (i + 1) / term_steps of sum_below_mean.
std::array<int, term_steps> terms_for(double beyond) {
    std::array<int, term_steps> terms{};
    for (int i = 0; i < term_steps; ++i) {
        const double mean = static_cast<double>(sum_below_mean) * (i + 1) / term_steps;
        double probability = std::exp(-mean);
        double rest = 1.0 - probability;
        int n = 1;
        while (rest > beyond && n < most_terms) {
            probability *= mean / n;
            rest -= probability;
            ++n;
        }
        terms[static_cast<std::size_t>(i)] = n;
    }
    return terms;
}

// Counts of a chunk from words by summing the distribution function from zero; flags what it cannot decide.
void sum_small_means(const std::uint32_t* words, const float* means, float highest, float* counts, std::int32_t* open) {
    // Eight pixels rarely need more than the first number of terms, and never get more than the second.
    static const auto first_terms = terms_for(2e-3);
    static const auto last_terms = terms_for(1e-4);
    static constexpr auto inverse = [] {
        std::array<float, most_terms + 1> table{};
        for (int k = 1; k <= most_terms; ++k) table[static_cast<std::size_t>(k)] = 1.0F / static_cast<float>(k);
        return table;
    }();
    alignas(32) std::array<float, chunk_px> zero_probability;
    alignas(32) std::array<float, chunk_px> uniform;
    for (std::size_t i = 0; i < chunk_px; ++i) {
        zero_probability[i] = fast_exp(-std::min(means[i], sum_below_mean));
        uniform[i] = 0.5F + (static_cast<float>(static_cast<std::int32_t>(words[i] ^ 0x80000000U)) + 0.5F) * 0x1p-32F;
    }
    const auto step = static_cast<std::size_t>(highest * (term_steps / sum_below_mean) * 0.9999F);
    const int likely = first_terms[step];
    const int terms = last_terms[step];
    constexpr float doubt = 2e-6F;  // rounding of the sums and of fast_exp
    for (std::size_t i = 0; i < chunk_px; i += 8) {
        const auto& mean = *reinterpret_cast<const Floats*>(means + i);
        const Ints small = mean < sum_below_mean;
        if (!any(small)) continue;
        Floats probability = *reinterpret_cast<const Floats*>(&zero_probability[i]);
        Floats left = *reinterpret_cast<const Floats*>(&uniform[i]);
        Floats nearest = left * 0.0F + 1.0F;
        Ints count = left != left;
        const auto subtract_terms = [&](int from, int to) {
            for (int k = from; k <= to; ++k) {
                if (k > 1) probability *= mean * inverse[static_cast<std::size_t>(k - 1)];
                left -= probability;
                count -= left > 0.0F;
                nearest = lower(magnitude(left), nearest);
            }
        };
        subtract_terms(1, likely);
        if (any(small & (left > 0.0F))) subtract_terms(likely + 1, terms);
        const Ints undecided = small & ((nearest < doubt) | (left > 0.0F));
        auto& result = *reinterpret_cast<Floats*>(counts + i);
        auto& flags = *reinterpret_cast<Ints*>(open + i);
        // Comparisons yield -1 per true lane, hence the minus above.
        result = small ? __builtin_convertvector(count, Floats) : result;
        flags = small ? undecided : flags;
    }
}

// 1 / sqrt(value) to 3e-7, for as many pixels as a chunk has. Processors' estimates differ in their last bits; what
// comes of these is a count only where it is the exact one.
void inverse_roots(const float* __restrict values, float* __restrict roots) {
#ifdef __AVX2__
    for (std::size_t i = 0; i < chunk_px; i += 8) {
        const Floats value = *reinterpret_cast<const Floats*>(values + i);
        const Floats estimate = _mm256_rsqrt_ps(value);
        *reinterpret_cast<Floats*>(roots + i) = estimate * (1.5F - 0.5F * value * estimate * estimate);
    }
#else
    for (std::size_t i = 0; i < chunk_px; ++i) roots[i] = 1.0F / std::sqrt(values[i]);
#endif
}

// Counts of a chunk from normals by Temme's expansion; flags what it cannot decide.
void expand_large_means(const float* __restrict normal, const float* __restrict mean, float* __restrict count,
                        std::int32_t* __restrict open) {
    struct alignas(32) Chunk {
        std::array<float, chunk_px> values;
        float* data() { return values.data(); }
    };
    Chunk clamped;
    Chunk inverse_root_of_mean;
    Chunk deviates;
    Chunk shifted;
    Chunk inverse_root_of_shifted;
    float* __restrict m = clamped.data();
    float* __restrict inverse_root = inverse_root_of_mean.data();
    float* __restrict z = deviates.data();
    float* __restrict v = shifted.data();
    float* __restrict inverse_root_of_v = inverse_root_of_shifted.data();
    for (std::size_t i = 0; i < chunk_px; ++i) m[i] = std::max(mean[i], sum_below_mean);
    inverse_roots(m, inverse_root);
    for (std::size_t i = 0; i < chunk_px; ++i) {
        // Below lowest_s the count is 0 for every mean under 10, and above that |z| is beyond the fast range.
        const float drawn = normal[i];
        z[i] = std::max(drawn, lowest_s * (m[i] * inverse_root[i]));
        v[i] = z[i] * inverse_root[i] + 1.45F;
    }
    inverse_roots(v, inverse_root_of_v);
    float* __restrict offset = v;
    float* __restrict doubt = clamped.data();
    for (std::size_t i = 0; i < chunk_px; ++i) {
        const float root = m[i] * inverse_root[i];
        const float square = inverse_root[i] * inverse_root[i];
        const float t = 1.20316043F * (v[i] * inverse_root_of_v[i]) - 1.5380697F;
        // Errors of the polynomials, of the expansion at small means, of single precision, and of the fit near s =
        // -1.25.
        const float low = std::min(v[i] - 0.85F, 0.0F);
        const float inexact = 8e-5F + square * (3e-3F * square + 0.06F * low * low) + 3e-6F * root;
        offset[i] = (mean[i] - std::floor(mean[i])) + root * z[i] + z[i] * z[i] * polynomial(bend_terms, t) +
                    (polynomial(shift_terms, t) + square * polynomial(rest_terms, t));
        doubt[i] = root > max_fast_root ? 1.0F : inexact;
    }
    for (std::size_t i = 0; i < chunk_px; ++i) {
        const float below = std::floor(offset[i]);
        const float fraction = offset[i] - below;
        const float margin = std::min(fraction, 1.0F - fraction);
        const float sum = std::floor(mean[i]) + below;
        count[i] = sum > 0.0F ? sum : 0.0F;
        const bool undecided = (margin < doubt[i]) | (std::abs(normal[i]) > max_fast_normal);
        open[i] = undecided ? -1 : 0;
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

void poisson_block(const NoiseKey& key, std::size_t first_pixel, const NoiseBlock& means, NoiseBlock& counts) {
    alignas(32) Flags open;
    alignas(32) Words words;
    NoiseBlock normals;
    bool drawn = false;
    for (std::size_t chunk = 0; chunk < noise_block_px; chunk += chunk_px) {
        const float* mean = &means.values[chunk];
        // Positive floats are ordered like their bits; the largest of integers, unlike that of floats, is found in
        // SIMD code.
        std::int32_t lowest = std::numeric_limits<std::int32_t>::max();
        std::int32_t highest = 0;
        for (std::size_t i = 0; i < chunk_px; ++i) {
            const auto bits = std::bit_cast<std::int32_t>(mean[i]);
            highest = bits > highest ? bits : highest;
            lowest = bits < lowest ? bits : lowest;
        }
        if (highest == 0) {
            // No photons were expected: beam off, or a shadow.
            std::fill_n(&counts.values[chunk], chunk_px, 0.0F);
            std::fill_n(&open[chunk], chunk_px, 0);
            continue;
        }
        if (std::bit_cast<float>(highest) >= sum_below_mean) {
            if (!drawn) normal_block(key, first_pixel, normals);
            drawn = true;
            expand_large_means(&normals.values[chunk], mean, &counts.values[chunk], &open[chunk]);
        }
        if (std::bit_cast<float>(lowest) < sum_below_mean) {
            // Words of their own: those above are shared by pairs of pixels.
            uniform_block(key, first_pixel + chunk + small_mean_pixels, std::span(words).subspan(chunk, chunk_px));
            sum_small_means(&words[chunk], mean, std::min(std::bit_cast<float>(highest), sum_below_mean),
                            &counts.values[chunk], &open[chunk]);
        }
    }
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        // Eight at a time, for nearly all are decided.
        if (i % 8 == 0 && !any(*reinterpret_cast<const Ints*>(&open[i]))) {
            i += 7;
            continue;
        }
        if (open[i] == 0) continue;
        const auto mean = static_cast<double>(means.values[i]);
        if (means.values[i] < sum_below_mean) {
            const auto block = static_cast<std::uint32_t>(further_bits_block + first_pixel + i);
            const std::uint32_t further = philox_block(key.seed, key.image_index, key.stage, block)[0];
            counts.values[i] = static_cast<float>(poisson_quantile(mean, Uniform64::from_bits(words[i], further)));
        } else {
            const auto z = static_cast<double>(normals.values[i]);
            counts.values[i] = static_cast<float>(poisson_quantile_of_normal(mean, z));
        }
    }
}

}  // namespace braggbench
