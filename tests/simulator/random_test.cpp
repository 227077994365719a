#include "simulator/random.hpp"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "simulator/error.hpp"
#include "simulator/poisson.hpp"

namespace braggbench {
namespace {

using Words = std::array<std::uint32_t, 4>;

// The three lines for philox4x32-10 of Random123's kat_vectors.
TEST(Philox, KnownAnswers) {
    EXPECT_EQ(philox_block(0, 0, Stage{0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox_block(~0ULL, ~0ULL, Stage{0xffffffff}, 0xffffffff),
              (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox_block(0x299f31d0a4093822ULL, 0x0370734413198a2eULL, Stage{0x85a308d3}, 0x243f6a88),
              (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The first two lines for philox4x32-7 of the same file.
TEST(Philox, KnownAnswersOfSevenRounds) {
    std::array<std::uint32_t, 4> words{};
    philox_words<noise_rounds>(0, 0, Stage{0}, 0, words);
    EXPECT_EQ(words, (Words{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}));
    philox_words<noise_rounds>(~0ULL, ~0ULL, Stage{0xffffffff}, 0xffffffff, words);
    EXPECT_EQ(words, (Words{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}));
    // Eight counters at a time give the same words.
    std::array<std::uint32_t, 32> many{};
    philox_words<noise_rounds>(7, 8, Stage::scene, 40, many);
    philox_words<noise_rounds>(7, 8, Stage::scene, 47, words);
    EXPECT_TRUE(std::equal(words.begin(), words.end(), many.begin() + 28));
}

TEST(Philox, ManyBlocksAreTheSingleOnes) {
    for (const std::size_t n : {4U, 32U, 100U, 256U}) {
        std::vector<std::uint32_t> words(n);
        // The counter wraps within the run.
        const std::uint32_t first = 0xfffffffa;
        philox_words(0x123456789abcdefULL, 0xfedcba9876543210ULL, Stage::scene, first, words);
        for (std::size_t i = 0; i < n; ++i) {
            const auto block = philox_block(0x123456789abcdefULL, 0xfedcba9876543210ULL, Stage::scene,
                                            first + static_cast<std::uint32_t>(i / 4));
            ASSERT_EQ(words[i], block[i % 4]) << n << ' ' << i;
        }
    }
}

TEST(RandomStream, StartsAtAnyBlock) {
    RandomStream whole(3, 4, Stage::scene);
    for (int i = 0; i < 20; ++i) whole.bits();
    RandomStream later(3, 4, Stage::scene, 5);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(whole.bits(), later.bits());
}

TEST(RandomStream, KeysSeparateStreams) {
    const std::uint32_t first = RandomStream(1, 2, Stage::labels).bits();
    EXPECT_NE(first, RandomStream(2, 2, Stage::labels).bits());
    EXPECT_NE(first, RandomStream(1, 3, Stage::labels).bits());
    EXPECT_NE(first, RandomStream(1, 2, Stage::scene).bits());
}

TEST(RandomStream, UniformNeverReachesItsEnds) {
    EXPECT_GT(open_uniform(0, 0), 0.0);
    EXPECT_LT(open_uniform(0xffffffff, 0xffffffff), 1.0);
    EXPECT_GT(open_uniform(0), 0.0);
    EXPECT_LT(open_uniform(0xffffffff), 1.0);
}

TEST(RandomStream, UniformAndNormalMoments) {
    RandomStream stream(11, 0, Stage::scene);
    constexpr int n = 100000;
    double sum_u = 0;
    double sum_z = 0;
    double sum_z2 = 0;
    double sum_z4 = 0;
    double sum_log = 0;
    for (int i = 0; i < n; ++i) {
        sum_u += stream.uniform(2.0, 4.0);
        sum_log += std::log(stream.log_uniform(1.0, 100.0));
        const double z = stream.normal();
        sum_z += z;
        sum_z2 += z * z;
        sum_z4 += z * z * z * z;
    }
    EXPECT_NEAR(sum_u / n, 3.0, 4 * 0.577 / std::sqrt(n));
    EXPECT_NEAR(sum_log / n, std::log(10.0), 4 * 1.33 / std::sqrt(n));
    EXPECT_NEAR(sum_z / n, 0.0, 4 / std::sqrt(n));
    EXPECT_NEAR(sum_z2 / n, 1.0, 4 * std::sqrt(2.0 / n));
    EXPECT_NEAR(sum_z4 / n, 3.0, 4 * std::sqrt(96.0 / n));
}

class PoissonMean : public testing::TestWithParam<double> {};

// Chi-squared of the histogram against the exact probabilities, in cells of at least 10 expected counts.
TEST_P(PoissonMean, HasTheExactDistribution) {
    const double mean = GetParam();
    constexpr int n = 50000;
    RandomStream stream(5, static_cast<std::uint64_t>(mean * 1000), Stage::photon_noise);
    std::map<std::uint64_t, int> histogram;
    for (int i = 0; i < n; ++i) ++histogram[stream.poisson(mean)];
    double chi2 = 0;
    int cells = 0;
    double expected = 0;
    double observed = 0;
    const auto last = static_cast<std::uint64_t>(mean + 8 * std::sqrt(mean) + 20);
    for (std::uint64_t k = 0; k <= last; ++k) {
        const auto x = static_cast<double>(k);
        expected += n * std::exp(x * std::log(mean) - mean - std::lgamma(x + 1));
        observed += histogram.contains(k) ? histogram[k] : 0;
        if (expected >= 10) {
            chi2 += (observed - expected) * (observed - expected) / expected;
            ++cells;
            expected = observed = 0;
        }
    }
    const double freedom = cells - 1;
    EXPECT_LT(std::abs(chi2 - freedom), 4 * std::sqrt(2 * freedom)) << "mean " << mean << ", " << cells << " cells";
}

INSTANTIATE_TEST_SUITE_P(Poisson, PoissonMean, testing::Values(0.05, 0.7, 3.0, 9.99, 10.0, 17.5, 90.0, 1500.0));

TEST(Poisson, LargeMeansKeepMeanAndVariance) {
    RandomStream stream(5, 0, Stage::photon_noise);
    constexpr double mean = 1e7;
    constexpr int n = 20000;
    double sum = 0;
    double sum2 = 0;
    for (int i = 0; i < n; ++i) {
        const double difference = static_cast<double>(stream.poisson(mean)) - mean;
        sum += difference;
        sum2 += difference * difference;
    }
    EXPECT_NEAR(sum / n, 0.0, 4 * std::sqrt(mean / n));
    EXPECT_NEAR(sum2 / n / mean, 1.0, 4 * std::sqrt(2.0 / n));
}

TEST(Poisson, RefusesWhatIsNotAMean) {
    RandomStream stream(5, 0, Stage::photon_noise);
    EXPECT_EQ(stream.poisson(0.0), 0U);
    EXPECT_THROW(stream.poisson(-1.0), UsageError);
    EXPECT_THROW(stream.poisson(std::nan("")), UsageError);
    EXPECT_THROW(stream.poisson(INFINITY), UsageError);
}

TEST(Poisson, LogFactorial) {
    for (int k = 0; k < 40; ++k) EXPECT_NEAR(log_factorial(k), std::lgamma(k + 1.0), 1e-9 * (1 + k)) << k;
}

// Uniform on SO(3): every element has mean 0 and mean square 1/3.
TEST(RandomStream, RotationsAreUniform) {
    RandomStream stream(8, 0, Stage::scene);
    Eigen::Matrix3d sum = Eigen::Matrix3d::Zero();
    Eigen::Matrix3d sum2 = Eigen::Matrix3d::Zero();
    constexpr int n = 20000;
    for (int i = 0; i < n; ++i) {
        const Eigen::Matrix3d r = stream.rotation();
        ASSERT_TRUE((r * r.transpose()).isIdentity(1e-12));
        ASSERT_NEAR(r.determinant(), 1.0, 1e-12);
        sum += r;
        sum2 += r.cwiseAbs2();
    }
    EXPECT_LT((sum / n).cwiseAbs().maxCoeff(), 4 * 0.577 / std::sqrt(n));
    EXPECT_LT((sum2.array() / n - 1.0 / 3).abs().maxCoeff(), 4 * 0.3 / std::sqrt(n));
}

}  // namespace
}  // namespace braggbench
