#include "simulator/noise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "simulator/poisson.hpp"
#include "simulator/random.hpp"
#include "simulator/small_poisson.hpp"

namespace braggbench {
namespace {

constexpr std::size_t blocks = 8192;  // 2^21 pixels
constexpr auto draws = static_cast<double>(blocks * noise_block_px);

// Wilson & Hilferty 1931: what a chi-squared is worth in standard deviations of a normal.
double chi_squared_z(double chi2, double freedom) {
    const double width = 2.0 / (9.0 * freedom);
    return (std::cbrt(chi2 / freedom) - (1.0 - width)) / std::sqrt(width);
}

double probability(double mean, double n) { return std::exp(n * std::log(mean) - mean - std::lgamma(n + 1.0)); }

class PoissonBlock : public testing::TestWithParam<double> {};

// Bounds of 3.9 standard deviations: p = 1e-4.
TEST_P(PoissonBlock, HasTheExactDistribution) {
    const auto mean = static_cast<double>(static_cast<float>(GetParam()));
    NoiseBlock means;
    means.values.fill(static_cast<float>(mean));
    NoiseBlock counts;
    const double low = std::max(0.0, std::floor(mean - 8.0 * std::sqrt(mean) - 8.0));
    std::vector<double> histogram(static_cast<std::size_t>(16.0 * std::sqrt(mean) + 40.0), 0.0);
    double sum = 0.0;
    double sum2 = 0.0;
    for (std::size_t block = 0; block < blocks; ++block) {
        ASSERT_TRUE(poisson_block({21, 3, Stage::photon_noise}, block * noise_block_px, means.values, counts));
        for (const float count : counts.values) {
            const double difference = static_cast<double>(count) - mean;
            sum += difference;
            sum2 += difference * difference;
            const double cell = static_cast<double>(count) - low;
            ASSERT_GE(cell, 0.0);
            ASSERT_LT(cell, static_cast<double>(histogram.size()));
            ++histogram[static_cast<std::size_t>(cell)];
        }
    }
    EXPECT_LT(std::abs(sum) / std::sqrt(draws * mean), 3.9);
    EXPECT_LT(std::abs(sum2 - draws * mean) / std::sqrt(draws * (mean + 2 * mean * mean)), 3.9);

    double chi2 = 0.0;
    double cells = 0.0;
    double expected = 0.0;
    double observed = 0.0;
    double rest = draws;
    double unseen = draws;
    for (std::size_t i = 0; i < histogram.size(); ++i) {
        expected += draws * probability(mean, low + static_cast<double>(i));
        observed += histogram[i];
        // What remains beyond forms the last cell.
        if (expected >= 20.0 && rest - expected >= 20.0) {
            chi2 += (observed - expected) * (observed - expected) / expected;
            ++cells;
            rest -= expected;
            unseen -= observed;
            expected = observed = 0.0;
        }
    }
    chi2 += (unseen - rest) * (unseen - rest) / rest;
    ASSERT_GE(cells, 1.0);
    EXPECT_LT(std::abs(chi_squared_z(chi2, cells)), 3.9) << chi2 << " for " << cells << " degrees of freedom";
}

INSTANTIATE_TEST_SUITE_P(Noise, PoissonBlock,
                         testing::Values(0.01, 0.1, 0.5, 1.0, 1.99, 2.0, 2.5, 4.0, 5.5, 9.0, 10.5, 15.98, 16.0, 20.0,
                                         100.0, 1000.0, 4095.0, 4100.0, 1e4, 1e5));

// A mean of its own for every pixel: where each count lies in its distribution is uniform.
TEST(PoissonBlock, EveryPixelHasItsOwnMean) {
    constexpr std::size_t cells = 256;
    std::vector<double> histogram(cells, 0.0);
    RandomStream random(8, 0, Stage::scene);
    NoiseBlock means;
    NoiseBlock counts;
    constexpr std::size_t some_blocks = 4096;
    for (std::size_t block = 0; block < some_blocks; ++block) {
        for (float& mean : means.values) mean = static_cast<float>(random.log_uniform(0.01, 60.0));
        ASSERT_TRUE(poisson_block({8, 1, Stage::photon_noise}, block * noise_block_px, means.values, counts));
        for (std::size_t i = 0; i < noise_block_px; ++i) {
            const auto mean = static_cast<double>(means.values[i]);
            double below = 0.0;
            double term = std::exp(-mean);
            for (double n = 0.0; n < static_cast<double>(counts.values[i]);) {
                below += term;
                term *= mean / ++n;
            }
            const double place = below + random.uniform() * term;
            ++histogram[std::min(cells - 1, static_cast<std::size_t>(place * cells))];
        }
    }
    const double expected = static_cast<double>(some_blocks * noise_block_px) / cells;
    double chi2 = 0.0;
    for (const double observed : histogram) chi2 += (observed - expected) * (observed - expected) / expected;
    EXPECT_LT(std::abs(chi_squared_z(chi2, cells - 1)), 3.9);
}

// Every count is what exact arithmetic makes of the same random words: the quantile of its pixel's normal, and for
// small means what the pixel's own word yields.
TEST(PoissonBlock, FastArithmeticAgreesWithTheExactOne) {
    const NoiseKey key{5, 77, Stage::photon_noise};
    NoiseBlock normals;
    NoiseBlock means;
    NoiseBlock counts;
    std::array<std::uint32_t, noise_block_px> words{};
    for (std::size_t block = 0; block < 2000; ++block) {
        // Neighbours of very different means share a block, but for every fourth of small and every fourth of large
        // ones.
        const double from = block % 4 == 1 ? 1.21 : -3.0;
        const double range = block % 4 == 0 ? 4.2 : block % 4 == 1 ? 4.0 : 10.0;
        for (std::size_t i = 0; i < noise_block_px; ++i) {
            const double part = static_cast<double>((i * 37 + block) % noise_block_px) / noise_block_px;
            means.values[i] = static_cast<float>(std::pow(10.0, from + range * part));
        }
        const std::size_t first = block * noise_block_px;
        normal_block(key, first, normals);
        uniform_block(key, first + max_noise_pixels, words);
        ASSERT_TRUE(poisson_block(key, first, means.values, counts));
        for (std::size_t i = 0; i < noise_block_px; ++i) {
            const auto mean = static_cast<double>(means.values[i]);
            if (means.values[i] < small_poisson_end) {
                const auto further = philox_block(key.seed, key.image_index, key.stage,
                                                  static_cast<std::uint32_t>(max_noise_pixels + first + i));
                ASSERT_EQ(counts.values[i], small_poisson(means.values[i], words[i], further[0], further[1])) << mean;
            } else {
                const auto z = static_cast<double>(normals.values[i]) / std::sqrt(2.0);
                const Uniform64 u{0.5 * std::erfc(-z), 0.5 * std::erfc(z)};
                ASSERT_EQ(static_cast<double>(counts.values[i]), poisson_quantile(mean, u)) << mean << ' ' << z;
            }
        }
    }
}

TEST(PoissonBlock, ZeroAndHugeMeans) {
    NoiseBlock means;
    NoiseBlock counts;
    means.values.fill(0.0F);
    means.values[1] = 1e15F;
    means.values[2] = std::numeric_limits<float>::denorm_min();
    ASSERT_TRUE(poisson_block({1, 1, Stage::photon_noise}, 0, means.values, counts));
    EXPECT_NEAR(static_cast<double>(counts.values[1]), 1e15, 2e8);
    for (std::size_t i = 0; i < noise_block_px; ++i) {
        if (i != 1) {
            ASSERT_EQ(counts.values[i], 0.0F);
        }
    }
}

TEST(PoissonBlock, RefusesWhatIsNotAMean) {
    NoiseBlock counts;
    for (const float mean : {-1.0F, std::nanf(""), 2e15F, std::numeric_limits<float>::infinity()}) {
        NoiseBlock means;
        means.values.fill(3.0F);
        means.values[200] = mean;
        EXPECT_FALSE(poisson_block({1, 1, Stage::photon_noise}, 0, means.values, counts)) << mean;
    }
    NoiseBlock dark;
    dark.values.fill(-0.0F);
    EXPECT_TRUE(poisson_block({1, 1, Stage::photon_noise}, 0, dark.values, counts));
}

TEST(PoissonBlock, NeighboursAndImagesAreIndependent) {
    NoiseBlock means;
    constexpr double mean = 3.0;
    means.values.fill(static_cast<float>(mean));
    std::vector<double> images[2];
    for (std::uint64_t image = 0; image < 2; ++image) {
        for (std::size_t block = 0; block < 2048; ++block) {
            NoiseBlock counts;
            ASSERT_TRUE(poisson_block({9, image, Stage::photon_noise}, block * noise_block_px, means.values, counts));
            for (const float count : counts.values) images[image].push_back(static_cast<double>(count) - mean);
        }
    }
    const auto correlation = [&](const std::vector<double>& a, const std::vector<double>& b, std::size_t lag) {
        double sum = 0.0;
        for (std::size_t i = 0; i + lag < a.size(); ++i) sum += a[i] * b[i + lag];
        return sum / mean / std::sqrt(static_cast<double>(a.size()));
    };
    for (const std::size_t lag : {1U, 2U, 3U, 4U, 8U, 127U, 128U, 129U, 256U, 512U}) {
        EXPECT_LT(std::abs(correlation(images[0], images[0], lag)), 3.9) << lag;
    }
    for (const std::size_t lag : {0U, 1U, 4U}) EXPECT_LT(std::abs(correlation(images[0], images[1], lag)), 3.9) << lag;
}

using DrawNormals = void (*)(const NoiseKey&, std::size_t, NoiseBlock&);

class Normals : public testing::TestWithParam<DrawNormals> {};

TEST_P(Normals, HaveTheExactDistribution) {
    constexpr std::size_t cells = 128;
    std::vector<double> histogram(cells, 0.0);
    double sum = 0.0;
    double sum2 = 0.0;
    double sum4 = 0.0;
    double beyond4 = 0.0;
    double pairs = 0.0;
    double pairs2 = 0.0;
    NoiseBlock normals;
    for (std::size_t block = 0; block < blocks; ++block) {
        GetParam()({4, 0, Stage::read_noise}, block * noise_block_px, normals);
        for (std::size_t i = 0; i < noise_block_px / 2; ++i) {
            const auto x = static_cast<double>(normals.values[i]);
            const auto y = static_cast<double>(normals.values[i + noise_block_px / 2]);
            pairs += x * y;
            pairs2 += (x * x - 1.0) * (y * y - 1.0);
        }
        for (const float value : normals.values) {
            const auto z = static_cast<double>(value);
            sum += z;
            sum2 += z * z;
            sum4 += z * z * z * z;
            if (std::abs(z) > 4.0) ++beyond4;
            const double u = 0.5 * std::erfc(-z / std::sqrt(2.0));
            ++histogram[std::min(cells - 1, static_cast<std::size_t>(u * cells))];
        }
    }
    EXPECT_LT(std::abs(sum) / std::sqrt(draws), 3.9);
    EXPECT_LT(std::abs(sum2 - draws) / std::sqrt(2 * draws), 3.9);
    EXPECT_LT(std::abs(sum4 - 3 * draws) / std::sqrt(96 * draws), 3.9);
    // The two of a pair share a radius and an angle and are independent all the same.
    EXPECT_LT(std::abs(pairs) / std::sqrt(draws / 2), 3.9);
    EXPECT_LT(std::abs(pairs2) / std::sqrt(4 * draws / 2), 3.9);
    const double expected4 = draws * std::erfc(4.0 / std::sqrt(2.0));
    EXPECT_LT(std::abs(beyond4 - expected4) / std::sqrt(expected4), 3.9);
    double chi2 = 0.0;
    for (const double observed : histogram)
        chi2 += (observed - draws / cells) * (observed - draws / cells) / (draws / cells);
    EXPECT_LT(std::abs(chi_squared_z(chi2, cells - 1)), 3.9);
}

INSTANTIATE_TEST_SUITE_P(Noise, Normals, testing::Values(&normal_block, &read_out_normal_block));

// The pair of a block's pixels p and p + 128 is a rotated radius, Box and Muller's in double precision.
TEST(NormalBlock, IsBoxMuller) {
    std::array<std::uint32_t, 192> words{};
    NoiseBlock normals;
    for (std::size_t block = 0; block < 200; ++block) {
        philox_words<noise_rounds>(4, 0, Stage::read_noise, static_cast<std::uint32_t>(block * 48), words);
        normal_block({4, 0, Stage::read_noise}, block * noise_block_px, normals);
        for (std::size_t i = 0; i < noise_block_px / 2; ++i) {
            const double radius = std::sqrt(-2.0 * std::log((words[i] / 2 + 0.5) * 0x1p-31));
            const auto x = static_cast<double>(normals.values[i]);
            const auto y = static_cast<double>(normals.values[i + noise_block_px / 2]);
            ASSERT_NEAR(std::hypot(x, y), radius, 2e-6 + 2e-7 / radius);
            // Quadrants are centred on the axes; the 14 bits of the angle within one are two's complement.
            const std::uint32_t pair = words[128 + i % 64];
            const std::uint32_t word = i < 64 ? pair & 0xffffU : pair >> 16U;
            const int within = static_cast<int>((word & 0x3fffU) ^ 0x2000U) - 0x2000;
            const double turn = ((word >> 14U) + (within + 0.5) / 16384) * std::numbers::pi / 2;
            ASSERT_NEAR(x, radius * std::cos(turn), 4e-6 + 2e-7 / radius);
            ASSERT_NEAR(y, radius * std::sin(turn), 4e-6 + 2e-7 / radius);
        }
    }
}

// The same with 22 bits of radius and 10 of angle.
TEST(NormalBlock, OfReadOutIsBoxMuller) {
    std::array<std::uint32_t, noise_block_px / 2> words{};
    NoiseBlock normals;
    for (std::size_t block = 0; block < 200; ++block) {
        philox_words<noise_rounds>(4, 0, Stage::read_noise, static_cast<std::uint32_t>(block * 32), words);
        read_out_normal_block({4, 0, Stage::read_noise}, block * noise_block_px, normals);
        for (std::size_t i = 0; i < words.size(); ++i) {
            const double radius = std::sqrt(-2.0 * std::log((words[i] / 1024 + 0.5) * 0x1p-22));
            const int within = static_cast<int>((words[i] & 0xffU) ^ 0x80U) - 0x80;
            const double turn = ((words[i] >> 8U & 3U) + (within + 0.5) / 256) * std::numbers::pi / 2;
            ASSERT_NEAR(static_cast<double>(normals.values[i]), radius * std::cos(turn), 4e-6 + 2e-7 / radius);
            ASSERT_NEAR(static_cast<double>(normals.values[i + words.size()]), radius * std::sin(turn),
                        4e-6 + 2e-7 / radius);
        }
    }
}

TEST(NormalQuantile, InvertsTheDistributionFunction) {
    for (const std::uint32_t high : {0U, 1U, 1000U, 1U << 20U, 1U << 30U, 0x7fffffffU, 0x80000000U, 3U << 30U}) {
        const Uniform64 u = Uniform64::from_bits(high, 12345);
        const double z = normal_quantile(u);
        const double tail = 0.5 * std::erfc(std::abs(z) / std::sqrt(2.0));
        EXPECT_NEAR(tail / std::min(u.lower, u.upper), 1.0, 1e-12) << high;
        EXPECT_EQ(z < 0.0, u.lower < u.upper);
        EXPECT_NEAR(normal_quantile({u.upper, u.lower}), -z, 1e-14);
    }
}

TEST(PoissonQuantile, InvertsTheDistributionFunction) {
    for (const double mean : {0.3, 7.0, 80.0, 999.0, 1001.0, 20000.0}) {
        double cumulative = 0.0;
        for (double n = 0.0; n < mean + 5.0 * std::sqrt(mean); ++n) {
            const double p = probability(mean, n);
            // Well inside the step, so that the boundary's own rounding does not matter.
            const double u = cumulative + 0.5 * p;
            cumulative += p;
            if (p < 1e-7) continue;
            ASSERT_EQ(poisson_quantile(mean, {u, 1.0 - u}), n) << mean;
        }
    }
    // Tails far beyond what single words reach.
    EXPECT_EQ(poisson_quantile(1.0, {1e-15, 1.0}), 0.0);
    const double far = poisson_quantile(1.0, {1.0, 1e-15});
    EXPECT_NEAR(far, 17.0, 1.0);
    // At the joint of the two methods boundaries differ by less than 1e-4 of a count.
    for (double u = 0.01; u < 1.0; u += 0.0137) {
        const double below = poisson_quantile(std::nextafter(1000.0, 0.0), {u, 1.0 - u});
        EXPECT_NEAR(below, poisson_quantile(1000.0, {u, 1.0 - u}), 1.0);
    }
}

TEST(Noise, BlocksAreTheirOwn) {
    // A block drawn alone is the one drawn after others.
    for (const float mean : {5.0F, 30.0F}) {
        NoiseBlock means;
        means.values.fill(mean);
        NoiseBlock first;
        NoiseBlock again;
        ASSERT_TRUE(poisson_block({1, 2, Stage::photon_noise}, 5 * noise_block_px, means.values, first));
        ASSERT_TRUE(poisson_block({1, 2, Stage::photon_noise}, 0, means.values, again));
        EXPECT_NE(first.values, again.values);
        ASSERT_TRUE(poisson_block({1, 2, Stage::photon_noise}, 5 * noise_block_px, means.values, again));
        EXPECT_EQ(first.values, again.values);
    }
}

}  // namespace
}  // namespace braggbench
