#include "simulator/random.hpp"

#include <Random123/philox.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "simulator/error.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {

namespace {

template <int Rounds>
std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t image_index, Stage stage, std::uint32_t block) {
    using Philox = r123::Philox4x32_R<Rounds>;
    const typename Philox::ctr_type counter{{block, static_cast<std::uint32_t>(stage),
                                             static_cast<std::uint32_t>(image_index),
                                             static_cast<std::uint32_t>(image_index >> 32U)}};
    const typename Philox::key_type key{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)}};
    const auto words = Philox{}(counter, key);
    return {words[0], words[1], words[2], words[3]};
}

}  // namespace

std::array<std::uint32_t, 4> philox_block(std::uint64_t seed, std::uint64_t image_index, Stage stage,
                                          std::uint32_t block) {
    return philox<philox_rounds>(seed, image_index, stage, block);
}

#ifdef __AVX2__
namespace {

// Four counters a register, one per 64-bit lane. Only the low halves count: the multiplication reads nothing else, so
// that its whole product serves as the low word and, shifted down, as the high word.
struct FourCounters {
    __m256i word0, word1, word2, word3;

    void round(__m256i key0, __m256i key1) {
        const __m256i product0 = _mm256_mul_epu32(word0, _mm256_set1_epi64x(0xD2511F53));
        const __m256i product1 = _mm256_mul_epu32(word2, _mm256_set1_epi64x(0xCD9E8D57));
        word0 = _mm256_xor_si256(_mm256_srli_epi64(product1, 32), _mm256_xor_si256(word1, key0));
        word2 = _mm256_xor_si256(_mm256_srli_epi64(product0, 32), _mm256_xor_si256(word3, key1));
        word1 = product1;
        word3 = product0;
    }
    // Block after block: words 0 to 3 of the first counter, then of the second.
    void store(std::uint32_t* words) const {
        const __m256i low = _mm256_blend_epi32(word0, _mm256_slli_epi64(word1, 32), 0xAA);
        const __m256i high = _mm256_blend_epi32(word2, _mm256_slli_epi64(word3, 32), 0xAA);
        const __m256i even = _mm256_unpacklo_epi64(low, high);
        const __m256i odd = _mm256_unpackhi_epi64(low, high);
        auto* out = reinterpret_cast<__m256i*>(words);
        _mm256_storeu_si256(out, _mm256_permute2x128_si256(even, odd, 0x20));
        _mm256_storeu_si256(out + 1, _mm256_permute2x128_si256(even, odd, 0x31));
    }
};

}  // namespace
#endif

template <int Rounds>
void philox_words(std::uint64_t seed, std::uint64_t image_index, Stage stage, std::uint32_t first_block,
                  std::span<std::uint32_t> words) {
    std::size_t done = 0;
#ifdef __AVX2__
    const auto lanes = [](std::uint64_t value) { return _mm256_set1_epi64x(static_cast<long long>(value)); };
    const __m256i stage_word = lanes(static_cast<std::uint32_t>(stage));
    const __m256i image_low = lanes(image_index & 0xffffffffU);
    const __m256i image_high = lanes(image_index >> 32U);
    __m256i key0[Rounds];
    __m256i key1[Rounds];
    for (int round = 0; round < Rounds; ++round) {
        // Weyl sequences of Salmon et al. 2011.
        const auto step = static_cast<std::uint32_t>(round);
        key0[round] = lanes(static_cast<std::uint32_t>(seed) + step * 0x9E3779B9U);
        key1[round] = lanes(static_cast<std::uint32_t>(seed >> 32U) + step * 0xBB67AE85U);
    }
    // Two independent sets of counters hide the latency of the multiplications.
    for (; done + 32 <= words.size(); done += 32) {
        // The sum may carry into the upper half of a lane, which nothing reads.
        const __m256i block = lanes(first_block + static_cast<std::uint32_t>(done / 4));
        FourCounters a{_mm256_add_epi64(block, _mm256_setr_epi64x(0, 1, 2, 3)), stage_word, image_low, image_high};
        FourCounters b{_mm256_add_epi64(block, _mm256_setr_epi64x(4, 5, 6, 7)), stage_word, image_low, image_high};
#pragma GCC unroll 10
        for (int round = 0; round < Rounds; ++round) {
            a.round(key0[round], key1[round]);
            b.round(key0[round], key1[round]);
        }
        a.store(&words[done]);
        b.store(&words[done + 16]);
    }
#endif
    for (; done < words.size(); done += 4) {
        const auto block = philox<Rounds>(seed, image_index, stage, first_block + static_cast<std::uint32_t>(done / 4));
        std::copy(block.begin(), block.end(), &words[done]);
    }
}

template void philox_words<noise_rounds>(std::uint64_t, std::uint64_t, Stage, std::uint32_t, std::span<std::uint32_t>);
template void philox_words<philox_rounds>(std::uint64_t, std::uint64_t, Stage, std::uint32_t, std::span<std::uint32_t>);

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t image_index, Stage stage, std::uint32_t first_block)
    : seed_(seed), image_index_(image_index), stage_(stage), next_block_(first_block) {}

std::uint32_t RandomStream::bits() {
    if (used_ == 4) {
        words_ = philox_block(seed_, image_index_, stage_, next_block_++);
        used_ = 0;
    }
    return words_[static_cast<std::size_t>(used_++)];
}

double RandomStream::uniform() {
    const std::uint32_t high = bits();
    const std::uint32_t low = bits();
    return open_uniform(high, low);
}

double RandomStream::uniform(double low, double high) { return low + (high - low) * uniform(); }

double RandomStream::log_uniform(double low, double high) { return std::exp(uniform(std::log(low), std::log(high))); }

// Box & Muller 1958. The second normal of the pair is dropped, so that a stream's state stays its position.
double RandomStream::normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t RandomStream::poisson(double mean) {
    if (!(mean >= 0.0 && mean <= max_poisson_mean)) {
        throw UsageError("Poisson mean " + std::to_string(mean) +
                         " (it must lie in [0, 1e15]). Check the fluence and the structure factors.");
    }
    return draw_poisson(mean, [this] { return uniform(); });
}

Eigen::Matrix3d RandomStream::rotation() {
    const double u = uniform();
    const double theta1 = 2.0 * std::numbers::pi * uniform();
    const double theta2 = 2.0 * std::numbers::pi * uniform();
    const double r1 = std::sqrt(1.0 - u);
    const double r2 = std::sqrt(u);
    return Eigen::Quaterniond(r2 * std::cos(theta2), r1 * std::sin(theta1), r1 * std::cos(theta1),
                              r2 * std::sin(theta2))
        .toRotationMatrix();
}

}  // namespace braggbench
