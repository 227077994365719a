#include "simulator/response.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::pair<double, double> mean_and_variance(const Image<std::uint16_t>& image) {
    double sum = 0;
    double sum2 = 0;
    for (const std::uint16_t value : image.pixels) {
        sum += value;
        sum2 += static_cast<double>(value) * value;
    }
    const auto n = static_cast<double>(image.size());
    return {sum / n, sum2 / n - sum / n * (sum / n)};
}

class ResponseMean : public testing::TestWithParam<float> {};

TEST_P(ResponseMean, CountsArePoisson) {
    const float mean = GetParam();
    const auto [m, v] = mean_and_variance(detect(Image<float>(256, 256, mean), {}, 1, 2));
    const double n = 256 * 256;
    const auto expected = static_cast<double>(mean);
    EXPECT_NEAR(m, expected, 4 * std::sqrt(expected / n));
    // The variance of a sample variance of a Poisson variable is (m + 2 m^2) / n.
    EXPECT_NEAR(v, expected, 4 * std::sqrt((expected + 2 * expected * expected) / n));
}

INSTANTIATE_TEST_SUITE_P(Detect, ResponseMean, testing::Values(0.02F, 0.5F, 4.0F, 9.9F, 10.1F, 60.0F, 3000.0F));

TEST(Detect, NeighboursAreIndependent) {
    const Image<std::uint16_t> image = detect(Image<float>(256, 256, 20.0F), {}, 1, 2);
    for (const int lag : {1, 2, 3, 4, 256}) {
        double sum = 0;
        const std::size_t n = image.size() - static_cast<std::size_t>(lag);
        for (std::size_t i = 0; i < n; ++i) {
            sum += (image.pixels[i] - 20.0) * (image.pixels[i + static_cast<std::size_t>(lag)] - 20.0);
        }
        EXPECT_NEAR(sum / static_cast<double>(n), 0.0, 4 * 20 / std::sqrt(static_cast<double>(n))) << lag;
    }
}

TEST(Detect, GainOffsetAndReadNoise) {
    DetectorResponse response;
    response.gain_adu_per_photon = 3.0;
    response.offset_adu = 100.0;
    response.read_noise_rms_adu = 5.0;
    const auto [m, v] = mean_and_variance(detect(Image<float>(256, 256, 40.0F), response, 9, 0));
    const double n = 256 * 256;
    // 1/12 is the variance of rounding.
    const double variance = 9 * 40 + 25 + 1.0 / 12;
    EXPECT_NEAR(m, 220.0, 4 * std::sqrt(variance / n));
    EXPECT_NEAR(v, variance, 4 * variance * std::sqrt(2.0 / n));
}

TEST(Detect, DarkPixelsHoldTheOffset) {
    DetectorResponse response;
    response.offset_adu = 40;
    for (const std::uint16_t value : detect(Image<float>(8, 8), response, 1, 1).pixels) EXPECT_EQ(value, 40);
}

TEST(Detect, ClampsBelowAndAbove) {
    DetectorResponse response;
    response.saturation_adu = 1000;
    for (const std::uint16_t value : detect(Image<float>(8, 8, 1e6F), response, 1, 1).pixels) EXPECT_EQ(value, 1000);
    response.offset_adu = -50;
    for (const std::uint16_t value : detect(Image<float>(8, 8, 1.0F), response, 1, 1).pixels) EXPECT_EQ(value, 0);
    response = {};
    for (const std::uint16_t value : detect(Image<float>(8, 8, 1e14F), response, 1, 1).pixels) EXPECT_EQ(value, 65535);
}

TEST(Detect, APixelDependsOnNothingButItsKeyAndItsMean) {
    DetectorResponse response;
    response.read_noise_rms_adu = 2;
    response.offset_adu = 10;
    Image<float> photons(64, 64);
    for (std::size_t i = 0; i < photons.size(); ++i) photons.pixels[i] = static_cast<float>(i % 97);
    const auto reference = detect(photons, response, 7, 3);
    EXPECT_EQ(reference, detect(photons, response, 7, 3));

    Image<float> taller(64, 80, 500.0F);
    std::copy(photons.pixels.begin(), photons.pixels.end(), taller.pixels.begin());
    for (std::size_t i = 0; i < photons.size(); i += 3) taller.pixels[i] = 1234.0F;
    const auto changed = detect(taller, response, 7, 3);
    for (std::size_t i = 0; i < photons.size(); ++i) {
        if (i % 3 != 0) {
            ASSERT_EQ(changed.pixels[i], reference.pixels[i]) << i;
        }
    }
    EXPECT_FALSE(reference == detect(photons, response, 7, 4));
    EXPECT_FALSE(reference == detect(photons, response, 8, 3));
}

TEST(Detect, RefusesWhatIsNotAnExpectation) {
    Image<float> photons(4, 4, 1.0F);
    photons(2, 1) = -1.0F;
    EXPECT_THROW((void)detect(photons, {}, 1, 1), UsageError);
    photons(2, 1) = NAN;
    EXPECT_THROW((void)detect(photons, {}, 1, 1), UsageError);
}

}  // namespace
}  // namespace braggbench
