// Keyed random numbers for whole images: standard normals and Poisson counts, a block of pixels at a time.
// Normals are Box and Muller's, by pairs of pixels within a block; counts are Poisson quantiles of such normals or, for
// small means, drawn from a pixel's own word. Hence a number depends on (seed, image, stage, pixel, mean) alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "simulator/random.hpp"

namespace braggbench {

// Pixels are worked on in aligned runs of this many: a constant trip count, which compilers turn into SIMD code without
// a differently rounded remainder.
inline constexpr std::size_t noise_block_px = 256;

struct alignas(32) NoiseBlock {
    std::array<float, noise_block_px> values;
};

// One stream of numbers: what RandomStream is for scalars.
struct NoiseKey {
    std::uint64_t seed = 0;
    std::uint64_t image_index = 0;
    Stage stage = Stage::photon_noise;
};

// The highest pixel index + 1 that a key serves: beyond it the further words would overlap the first ones.
inline constexpr std::size_t max_noise_pixels = std::size_t{1} << 26U;

// Uniform words of the pixels from first_pixel on, a multiple of 4; words.size(): a multiple of 4, best of 32.
void uniform_block(const NoiseKey& key, std::size_t first_pixel, std::span<std::uint32_t> words);

// N(0, 1), to 1e-6; at most 6.66 from 0, which one in 4e10 exceeds. first_pixel: a multiple of noise_block_px.
void normal_block(const NoiseKey& key, std::size_t first_pixel, NoiseBlock& normals);

// The same in half the time, of 22 bits of radius and 10 of angle for each pair: at most 5.64 from 0, which one in 6e7
// exceeds.
void read_out_normal_block(const NoiseKey& key, std::size_t first_pixel, NoiseBlock& normals);

// counts[i] ~ Poisson(means[i]): for means below 16 from a word of the pixel's own (small_poisson.hpp), from 16 on the
// quantile of normal_block's number i. False, with no counts, if a mean is negative, NaN or above max_poisson_mean.
// Counts above 2^24 are rounded to float.
[[nodiscard]] bool poisson_block(const NoiseKey& key, std::size_t first_pixel,
                                 std::span<const float, noise_block_px> means, NoiseBlock& counts);

// A number u in (0, 1) by its distances from both ends, so that either tail keeps its relative precision.
struct Uniform64 {
    double lower = 0.5;  // u
    double upper = 0.5;  // 1 - u

    static Uniform64 from_bits(std::uint32_t high, std::uint32_t low);
};

// z with P(N(0, 1) < z) = u, to 1e-14.
double normal_quantile(Uniform64 u);

// The smallest n with P(Poisson(mean) <= n) >= u: exactly up to rounding in double precision for means below 1000;
// above, the boundaries between counts are within 2e-6 of a count (Temme 1979, SIAM J. Math. Anal. 10, 757, in the form
// of Giles 2016, ACM TOMS 42, 7, algorithm 955).
double poisson_quantile(double mean, Uniform64 u);

}  // namespace braggbench
