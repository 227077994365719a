#include "simulator/response.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "simulator/error.hpp"
#include "simulator/faults.hpp"
#include "simulator/random.hpp"

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

TEST(Detect, LargerImagesBeginAlike) {
    DetectorResponse response;
    response.read_noise_rms_adu = 3;
    response.offset_adu = 20;
    const auto small = detect(Image<float>(100, 7, 6.0F), response, 2, 5);
    const auto large = detect(Image<float>(100, 40, 6.0F), response, 2, 5);
    for (std::size_t i = 0; i < small.size(); ++i) ASSERT_EQ(small.pixels[i], large.pixels[i]) << i;
}

TEST(Detect, ImageFlickerIsOneFactor) {
    DetectorResponse response;
    response.image_flicker_rms = 0.2;
    double sum = 0;
    double sum2 = 0;
    constexpr int n = 1500;
    for (std::uint64_t image = 0; image < n; ++image) {
        const double m = mean_and_variance(detect(Image<float>(16, 16, 1e4F), response, 3, image)).first / 1e4;
        sum += m;
        sum2 += (m - 1) * (m - 1);
    }
    EXPECT_NEAR(sum / n, 1.0, 4 * 0.2 / std::sqrt(n));
    EXPECT_NEAR(sum2 / n, 0.04, 4 * 0.04 * std::sqrt(2.0 / n));
}

TEST(Detect, PixelFlickerAddsItsVarianceAndChangesWithTheImage) {
    DetectorResponse response;
    response.pixel_flicker_rms = 0.1;
    const Image<float> photons(256, 256, 1000.0F);
    const auto first = detect(photons, response, 3, 0);
    const auto second = detect(photons, response, 3, 1);
    const double expected = 1000 + 1e4;
    EXPECT_NEAR(mean_and_variance(first).second, expected, 4 * expected * std::sqrt(2.0 / 65536));
    double covariance = 0;
    for (std::size_t i = 0; i < first.size(); ++i)
        covariance += (first.pixels[i] - 1000.0) * (second.pixels[i] - 1000.0);
    EXPECT_NEAR(covariance / 65536, 0.0, 4 * expected / 256);
}

TEST(Detect, FlatFieldErrorBelongsToTheDetector) {
    DetectorResponse response;
    response.flat_field_rms = 0.1;
    response.detector_seed = 4;
    const Image<float> photons(256, 256, 1000.0F);
    const auto first = detect(photons, response, 3, 0);
    const auto second = detect(photons, response, 8, 1);
    response.detector_seed = 5;
    const auto other = detect(photons, response, 3, 0);
    double same = 0;
    double different = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        same += (first.pixels[i] - 1000.0) * (second.pixels[i] - 1000.0);
        different += (first.pixels[i] - 1000.0) * (other.pixels[i] - 1000.0);
    }
    // Other photons, the same sensitivities: their variance (0.1 * 1000)^2 is what two images share.
    EXPECT_NEAR(same / 65536, 1e4, 4 * 1.5e4 / 256);
    // Another detector shares the photons only.
    EXPECT_NEAR(different / 65536, 1000, 4 * 1.5e4 / 256);
}

TEST(Detect, PointSpreadCorrelatesNeighboursAndKeepsPhotons) {
    DetectorResponse response;
    response.point_spread.gaussian_fwhm_px = 2.0;
    response.offset_adu = 10;
    response.gain_adu_per_photon = 4;
    const auto image = detect(Image<float>(256, 256, 100.0F), response, 3, 0);
    double sum = 0;
    double neighbours = 0;
    double n = 0;
    for (int y = 20; y < 236; ++y) {
        for (int x = 20; x < 235; ++x) {
            const double value = (image(x, y) - 10.0) / 4 - 100;
            sum += value;
            neighbours += value * ((image(x + 1, y) - 10.0) / 4 - 100);
            ++n;
        }
    }
    EXPECT_NEAR(sum / n, 0.0, 4 * 10 / std::sqrt(n));
    // Overlap of the kernel with itself, one pixel aside.
    const Image<double> kernel = point_spread_kernel(response.point_spread);
    double overlap = 0;
    for (int y = 0; y < kernel.height; ++y) {
        for (int x = 0; x + 1 < kernel.width; ++x) overlap += kernel(x, y) * kernel(x + 1, y);
    }
    EXPECT_NEAR(neighbours / n, 100 * overlap, 0.1 * 100 * overlap);
}

TEST(DeadTime, FollowsItsFormula) {
    const DeadTime extending{DeadTime::Model::paralyzable, 100, 0.01};
    const DeadTime plain{DeadTime::Model::non_paralyzable, 100, 0.01};
    // 1e5 photons in 10 ms at 100 ns each: busy for as long as the exposure.
    EXPECT_NEAR(expected_counts(plain, 1e5), 5e4, 1e-6);
    EXPECT_NEAR(expected_counts(extending, 1e5), 1e5 / std::exp(1.0), 1e-6);
    EXPECT_EQ(expected_counts({}, 1e5), 1e5);
}

// Against the arrivals themselves: uniform in time, one after the other.
TEST(DeadTime, CountsLikeAPixelThatIsBusy) {
    constexpr int exposures = 4000;
    for (const auto model : {DeadTime::Model::non_paralyzable, DeadTime::Model::paralyzable}) {
        for (const double busy : {0.001, 0.3}) {
            constexpr double photons = 400;
            DetectorResponse response;
            response.dead_time = {model, busy / photons * 1e9, 1.0};
            const auto [mean, variance] =
                mean_and_variance(detect(Image<float>(256, 256, static_cast<float>(photons)), response, 6, 0));
            RandomStream random(6, 0, Stage::scene);
            double sum = 0;
            double sum2 = 0;
            for (int exposure = 0; exposure < exposures; ++exposure) {
                double time = 0;
                double free_from = 0;
                int counts = 0;
                while ((time -= std::log(random.uniform()) / photons) < 1.0) {
                    const bool seen = time >= free_from;
                    counts += seen ? 1 : 0;
                    if (seen || model == DeadTime::Model::paralyzable) free_from = time + busy / photons;
                }
                sum += counts;
                sum2 += counts * counts;
            }
            const double m = sum / exposures;
            const double v = sum2 / exposures - m * m;
            EXPECT_NEAR(mean, m, 4 * std::sqrt(v / exposures) + 0.3) << busy;
            EXPECT_NEAR(variance, v, 0.12 * v) << busy;
        }
    }
}

TEST(PixelMask, DrawsTheGivenFractionsOncePerDetector) {
    const PixelDefects defects{.dead_fraction = 0.01, .hot_fraction = 0.002, .drawn_bad_columns = 2};
    const auto mask = defect_mask(defects, 7, 512, 400);
    EXPECT_EQ(mask, defect_mask(defects, 7, 512, 400));
    EXPECT_FALSE(mask == defect_mask(defects, 8, 512, 400));
    const double n = 512 * 400;
    const auto hot = static_cast<double>(std::ranges::count(mask.pixels, mask_hot));
    const auto dead = static_cast<double>(std::ranges::count(mask.pixels, mask_dead));
    EXPECT_NEAR(hot, 0.002 * n, 4 * std::sqrt(0.002 * n) + 2);
    EXPECT_NEAR(dead, 0.01 * n + 2 * 400, 4 * std::sqrt(0.01 * n) + 20);
}

TEST(PixelMask, DetectedImageCarriesGapsAndListedDefects) {
    // Two panels of 20 x 30 pixels with 4 columns between them.
    Detector detector = flat_detector(20, 30, 0.1, 100, 10, 15);
    detector.panels.push_back(detector.panels[0]);
    detector.panels[1].image_fast_px = 24;
    detector.image_width_px = 44;
    DetectorResponse response;
    response.offset_adu = 100;
    response.gap_value_adu = 65535;
    response.defects = {
        .dead = {{3, 4}, {-1, 5}}, .hot = {{30, 6}}, .bad_columns_fast_px = {40}, .hot_value_adu = 9999};
    const Image<float> photons(44, 30, 5.0F);
    const auto [counts, mask] = detect(photons, response, detector, 1, 1);
    EXPECT_EQ(mask, pixel_mask(response, detector));
    for (int slow = 0; slow < 30; ++slow) {
        for (int fast = 0; fast < 44; ++fast) {
            const bool gap = fast >= 20 && fast < 24;
            const bool dead = (fast == 3 && slow == 4) || fast == 40;
            const bool hot = fast == 30 && slow == 6;
            ASSERT_EQ(mask(fast, slow), gap ? mask_gap : dead ? mask_dead : hot ? mask_hot : 0) << fast << ' ' << slow;
            if (gap) {
                EXPECT_EQ(counts(fast, slow), 65535);
            } else if (dead) {
                EXPECT_EQ(counts(fast, slow), 0);
            } else if (hot) {
                EXPECT_EQ(counts(fast, slow), 9999);
            } else {
                EXPECT_GE(counts(fast, slow), 100);
                EXPECT_LT(counts(fast, slow), 130);
            }
        }
    }
    EXPECT_THROW((void)detect(Image<float>(40, 30, 1.0F), response, detector, 1, 1), UsageError);
}

TEST(DetectorResponse, NamesItsFaults) {
    DetectorResponse response;
    response.image_flicker_rms = -0.1;
    response.flat_field_rms = NAN;
    response.dead_time = {DeadTime::Model::paralyzable, -1, 0};
    response.defects.dead_fraction = 1.5;
    response.gap_value_adu = 70000;
    Faults faults;
    check(response, faults);
    try {
        faults.report();
        FAIL();
    } catch (const UsageError& error) {
        const std::string text = error.what();
        for (const char* name :
             {"image_flicker_rms", "flat_field_rms", "dead_time_ns", "exposure_s", "dead_fraction", "gap_value_adu"}) {
            EXPECT_NE(text.find(name), std::string::npos) << name;
        }
    }
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
