// Keyed random numbers for whole images: standard normals and Poisson counts, a block of pixels at a time.
// Every number is the quantile of its own pixel's uniform number: Philox word i % 4 of block i / 4 for pixel i, with 32
// further bits of the same key wherever the first 32 leave the result open. Hence it depends on (seed, image, stage,
// pixel, mean) alone, and tails are those of 64-bit uniform numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

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

// The bits of a pixel's word that its Poisson count takes; the others are its read-out noise's.
inline constexpr std::uint32_t known_poisson_bits = 0xffffffffU;

// Uniform words of the pixels first_pixel ... first_pixel + noise_block_px - 1. first_pixel: a multiple of 4.
void uniform_block(const NoiseKey& key, std::size_t first_pixel, std::array<std::uint32_t, noise_block_px>& words);

// N(0, 1), to 1e-6.
void normal_block(const NoiseKey& key, std::size_t first_pixel, NoiseBlock& normals);

// counts[i] ~ Poisson(means[i]), 0 <= means[i] <= max_poisson_mean (not checked). Counts above 2^24 are rounded to
// float.
void poisson_block(const NoiseKey& key, std::size_t first_pixel, const NoiseBlock& means, NoiseBlock& counts);

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
