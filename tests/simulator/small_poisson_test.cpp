#include "simulator/small_poisson.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace braggbench {
namespace {

constexpr double steps_per_photon = poisson_steps_per_photon;

TEST(AliasTables, HoldTheDistributionOfEveryStep) {
    const AliasTables& tables = alias_tables();
    for (std::size_t step = 0; step < AliasTables::steps; ++step) {
        const double mean = static_cast<double>(step) / steps_per_photon;
        for (int n = 0; n < poisson_columns; ++n) {
            const double exact = mean > 0.0 ? std::exp(n * std::log(mean) - mean - std::lgamma(n + 1.0)) : n == 0;
            ASSERT_NEAR(tables.probability(step, n), exact, 1e-14) << mean << ' ' << n;
        }
    }
}

TEST(AliasTables, KeepTheLeadingBitsOfTheirThresholds) {
    const AliasTables& tables = alias_tables();
    for (std::size_t i = 0; i < tables.thresholds.size(); ++i) {
        ASSERT_GE(tables.thresholds[i], 0.0);
        ASSERT_LE(tables.thresholds[i], 1.0);
        ASSERT_EQ(tables.fast[i] >> 13U, static_cast<std::uint32_t>(tables.thresholds[i] * 8192.0)) << i;
    }
}

// The rest of a mean beyond its step: the thirteen last bits of the word and the further ones are a uniform number,
// which is below P(Poisson(rest) >= n) where at least n are added. At step 0 nothing else is.
TEST(SmallPoisson, DrawsTheRestOfAMean) {
    for (const double mean : {1e-7, 0.001, 0.02, 0.031}) {
        for (int n = 1; n < 5; ++n) {
            double tail = 0.0;
            for (int k = n; k < n + 9; ++k) tail += std::exp(-mean + k * std::log(mean) - std::lgamma(k + 1.0));
            const double place = tail * 0x1p45;
            if (place < 1e8) break;
            const auto yields = [&](double at) {
                const auto bits = static_cast<std::uint64_t>(at);
                const auto word = static_cast<std::uint32_t>(bits >> 32U);
                return small_poisson(static_cast<float>(mean), word, 0, static_cast<std::uint32_t>(bits));
            };
            // A float's mean differs from the double's by 1e-7 of it, the n-th tail by n times that.
            EXPECT_GE(yields(place * (1.0 - 1e-6)), static_cast<float>(n)) << mean;
            EXPECT_LT(yields(place * (1.0 + 1e-6)), static_cast<float>(n)) << mean;
        }
    }
}

// A column yields its own number below its threshold and the other one above, to the last of the further bits.
TEST(SmallPoisson, ComparesWithTheThreshold) {
    const AliasTables& tables = alias_tables();
    constexpr std::size_t step = 200;
    // Last bits that draw no rest.
    constexpr std::uint32_t none = 0x1fff;
    for (std::uint32_t column = 0; column < poisson_columns; ++column) {
        const std::size_t entry = step * poisson_columns + column;
        const double place = tables.thresholds[entry] * 0x1p45;
        const auto yields = [&](double at) {
            const auto bits = static_cast<std::uint64_t>(at);
            const auto word = column << 26U | static_cast<std::uint32_t>(bits >> 32U) << 13U | none;
            return small_poisson(step / 32.0F, word, static_cast<std::uint32_t>(bits), 0);
        };
        if (place >= 2.0) {
            EXPECT_EQ(yields(place - 2.0), static_cast<float>(column));
        }
        if (place + 2.0 < 0x1p45) {
            EXPECT_EQ(yields(place + 2.0), static_cast<float>(tables.fast[entry] % poisson_columns));
        }
    }
}

}  // namespace
}  // namespace braggbench
