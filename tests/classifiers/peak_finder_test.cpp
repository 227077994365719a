#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "classifiers/dispersion.hpp"
#include "classifiers/found_peak.hpp"
#include "classifiers/peakfinder8.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

Image<float> poisson_image(int width, int height, double mean, std::uint64_t seed) {
    RandomStream random(seed, 0, Stage::photon_noise);
    Image<float> image(width, height);
    for (auto& value : image.pixels) value = static_cast<float>(random.poisson(mean));
    return image;
}

// Values 9 and 11 in turn: mean 10 and standard deviation 1 over any area that holds as many of each.
Image<float> chessboard(int size) {
    Image<float> image(size, size);
    for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) image(x, y) = (x + y) % 2 == 0 ? 9.0F : 11.0F;
    }
    return image;
}

void add_square(Image<float>& image, int fast, int slow, int side, float height) {
    for (int y = slow; y < slow + side; ++y) {
        for (int x = fast; x < fast + side; ++x) image(x, y) += height;
    }
}

TEST(FoundPeak, CornersConnectOnlyEightNeighbours) {
    // 4 px wide: a diagonal, and a U whose arms meet below.
    const std::vector<std::uint32_t> diagonal = {0, 5, 10, 15};
    EXPECT_EQ(connect(diagonal, 4, Connectivity::eight).size(), 1U);
    EXPECT_EQ(connect(diagonal, 4, Connectivity::four).size(), 4U);
    const std::vector<std::uint32_t> u = {0, 2, 4, 6, 8, 9, 10};
    const auto regions = connect(u, 4, Connectivity::four);
    ASSERT_EQ(regions.size(), 1U);
    EXPECT_TRUE(std::equal(regions[0].begin(), regions[0].end(), u.begin(), u.end()));
    // The end of a row does not touch the beginning of the next.
    const std::vector<std::uint32_t> wrapped = {3, 4};
    EXPECT_EQ(connect(wrapped, 4, Connectivity::eight).size(), 2U);
    EXPECT_EQ(connect({}, 4, Connectivity::eight).size(), 0U);
}

TEST(PeakFinder8, MeasuresAPlantedPeak) {
    auto image = chessboard(128);
    add_square(image, 80, 40, 2, 100.0F);
    const auto peaks = peakfinder8(image, {}, RadialBins(128, 128, 64, 64));
    ASSERT_EQ(peaks.size(), 1U);
    EXPECT_NEAR(peaks[0].fast_px, 81.0, 0.02);  // the corner that its four pixels share
    EXPECT_NEAR(peaks[0].slow_px, 41.0, 0.02);
    EXPECT_EQ(peaks[0].npix, 4);
    EXPECT_NEAR(peaks[0].background, 10.0, 0.1);
    EXPECT_NEAR(peaks[0].intensity, 400.0, 0.5);
    EXPECT_NEAR(peaks[0].snr, 400.0, 2.0);  // per standard deviation, 1, of one pixel
    EXPECT_EQ(peaks[0].max_value, 111.0);
}

TEST(PeakFinder8, KeepsToItsLimits) {
    auto image = chessboard(128);
    add_square(image, 20, 20, 1, 100.0F);   // one pixel: too few
    add_square(image, 80, 20, 3, 100.0F);   // 9
    add_square(image, 60, 90, 6, 100.0F);   // 36: too many
    add_square(image, 110, 64, 2, 100.0F);  // 46 px from the beam: outside the range
    PeakFinder8Options options;
    options.max_pixels = 20;
    options.max_radius_px = 44.4;  // the nearest of the 3 x 3 px are at 44.7
    const RadialBins bins(128, 128, 64, 64);
    EXPECT_TRUE(peakfinder8(image, {}, bins, options).empty());
    options.max_radius_px = 1000;
    EXPECT_EQ(peakfinder8(image, {}, bins, options).size(), 2U);
    options.threshold = 200.0;
    EXPECT_TRUE(peakfinder8(image, {}, bins, options).empty());
    options.threshold = 105.0;
    EXPECT_EQ(peakfinder8(image, {}, bins, options).size(), 2U);
    options.min_pixels = 10;
    EXPECT_TRUE(peakfinder8(image, {}, bins, options).empty());
}

TEST(PeakFinder8, ThresholdFollowsTheRing) {
    // A strong ring: what stands out elsewhere is ordinary there, and no pixel of the ring itself is a peak.
    auto image = poisson_image(256, 256, 2.0, 7);
    RandomStream random(8, 0, Stage::photon_noise);
    for (int y = 0; y < 256; ++y) {
        for (int x = 0; x < 256; ++x) {
            if (std::abs(std::hypot(x - 127.5, y - 127.5) - 80.0) < 6.0) {
                image(x, y) = static_cast<float>(random.poisson(200.0));
            }
        }
    }
    add_square(image, 128, 30, 2, 40.0F);   // on it no more than 3 sigma
    add_square(image, 128, 207, 2, 40.0F);  // on it
    add_square(image, 128, 160, 2, 40.0F);  // inside it
    image(128, 47) = 200.0F;
    const auto peaks = peakfinder8(image, {}, RadialBins(256, 256, 128, 128));
    ASSERT_EQ(peaks.size(), 2U);
    EXPECT_NEAR(peaks[0].slow_px, 31.0, 0.2);
    EXPECT_NEAR(peaks[1].slow_px, 161.0, 0.2);
}

// Some of a million pixels reach 5 sigma of Poisson noise, two neighbours hardly ever.
TEST(PeakFinder8, FindsAtMostTwoPeaksInAMegapixelOfNoise) {
    for (const double mean : {1.0, 5.0, 50.0}) {
        const auto image = poisson_image(1024, 1024, mean, 2);
        EXPECT_LE(peakfinder8(image, {}, RadialBins(1024, 1024, 500, 530)).size(), 2U) << mean << " photons per pixel";
    }
}

TEST(PeakFinder8, MaskedPixelsAndBordersTakeNoPart) {
    auto image = chessboard(128);
    add_square(image, 40, 40, 2, 100.0F);
    add_square(image, 90, 40, 2, 1e6F);  // masked
    add_square(image, 0, 100, 1, 100.0F);
    add_square(image, 0, 101, 1, 100.0F);   // only on the border
    add_square(image, 126, 60, 2, 100.0F);  // half on the border
    Image<std::uint8_t> valid(128, 128, 1);
    for (int y = 39; y < 43; ++y) {
        for (int x = 89; x < 93; ++x) valid(x, y) = 0;
    }
    image(10, 10) = std::numeric_limits<float>::infinity();
    image(12, 10) = std::numeric_limits<float>::quiet_NaN();
    const RadialBins bins(128, 128, 64, 64);
    const auto peaks = peakfinder8(image, valid, bins);
    ASSERT_EQ(peaks.size(), 2U);
    EXPECT_NEAR(peaks[0].fast_px, 41.0, 0.02);
    EXPECT_NEAR(peaks[1].fast_px, 127.0, 0.02);
    EXPECT_NEAR(peaks[1].background, 10.0, 0.1);
    EXPECT_TRUE(peakfinder8(image, Image<std::uint8_t>(128, 128, 0), bins).empty());
    EXPECT_THROW(peakfinder8(image, Image<std::uint8_t>(5, 5, 1), bins), UsageError);
    EXPECT_THROW(peakfinder8(image, {}, RadialBins(64, 64, 0, 0)), UsageError);
    PeakFinder8Options options;
    options.min_snr = -1.0;
    EXPECT_THROW(peakfinder8(image, {}, bins, options), UsageError);
    EXPECT_THROW(RadialBins(0, 5, 0, 0), UsageError);
}

TEST(PeakFinder8, RingsOfADetectorAreThoseAroundItsBeam) {
    const auto detector = flat_detector(90, 70, 0.1, 80.0, 30.25, 41.5);
    const RadialBins from_detector(detector);
    EXPECT_EQ(from_detector.bins(), RadialBins(90, 70, 30.25, 41.5).bins());

    // Twice as far away and with pixels twice as large: the same rings in pixels of the first panel. A gap between.
    auto two = detector;
    auto second = two.panels[0];
    second.pixel_size_mm *= 2;
    second.origin_mm *= 2;
    second.image_fast_px = 100;
    two.panels.push_back(second);
    two.image_width_px = 190;
    const RadialBins rings(two);
    for (const int x : {0, 31, 89}) EXPECT_EQ(rings.bins()(x, 20), rings.bins()(x + 100, 20));
    EXPECT_EQ(rings.bins()(95, 20), rings.count());
    EXPECT_EQ(rings.begin().back(), 2U * 90 * 70);
}

// The formulas of dispersion.hpp, pixel by pixel and with divisions and roots.
Image<std::uint8_t> slow_dispersion(const Image<float>& image, const Image<std::uint8_t>& valid,
                                    const DispersionOptions& options, bool extended) {
    const auto usable = [&](int x, int y) {
        return x >= 0 && y >= 0 && x < image.width && y < image.height && valid(x, y) != 0;
    };
    const auto over_box = [&](int x, int y, int half, const auto& use) {
        struct {
            double m = 0, mean = 0, variance = 0;
        } box;
        double sum = 0;
        double squares = 0;
        for (int j = y - half; j <= y + half; ++j) {
            for (int i = x - half; i <= x + half; ++i) {
                if (!use(i, j)) continue;
                box.m += 1;
                sum += static_cast<double>(image(i, j));
                squares += static_cast<double>(image(i, j)) * static_cast<double>(image(i, j));
            }
        }
        if (box.m > 0) box.mean = sum / box.m;
        if (box.m > 1) box.variance = (squares - sum * sum / box.m) / (box.m - 1);
        return box;
    };
    const int k = options.kernel_half_width_px;
    Image<std::uint8_t> foreground(image.width, image.height);
    Image<std::uint8_t> strong(image.width, image.height);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            if (!usable(x, y)) continue;
            const auto box = over_box(x, y, k, usable);
            const auto value = static_cast<double>(image(x, y));
            foreground(x, y) =
                box.m >= options.min_valid_pixels && box.mean > 0 &&
                box.variance / box.mean > options.gain * (1 + options.sigma_background * std::sqrt(2 / (box.m - 1)));
            strong(x, y) = foreground(x, y) != 0 && value > options.global_threshold &&
                           value > box.mean + options.sigma_strong * std::sqrt(options.gain * box.mean);
        }
    }
    if (!extended) return strong;
    const auto kept = [&](int x, int y) {
        for (int j = std::max(0, y - k + 1); j <= std::min(image.height - 1, y + k - 1); ++j) {
            for (int i = std::max(0, x - k + 1); i <= std::min(image.width - 1, x + k - 1); ++i) {
                if (foreground(i, j) == 0) return false;
            }
        }
        return true;
    };
    Image<std::uint8_t> background(image.width, image.height);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) background(x, y) = usable(x, y) && !kept(x, y);
    }
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const auto box = over_box(x, y, k + 2, [&](int i, int j) { return usable(i, j) && background(i, j) != 0; });
            const double mean = box.m >= 2 ? box.mean : 0;
            const auto value = static_cast<double>(image(x, y));
            strong(x, y) = usable(x, y) && kept(x, y) && value > options.global_threshold &&
                           value >= mean + options.sigma_strong * std::sqrt(options.gain * mean);
        }
    }
    return strong;
}

TEST(Dispersion, MasksFollowTheFormulas) {
    // Odd sizes, spots at edges and in corners, gaps, and values wide apart.
    for (const double mean : {0.05, 3.0}) {
        auto image = poisson_image(83, 61, mean, 5);
        Image<std::uint8_t> valid(83, 61, 1);
        RandomStream random(6, 0, Stage::scene);
        for (int spot = 0; spot < 25; ++spot) {
            const auto x = static_cast<int>(random.uniform(0, 80));
            const auto y = static_cast<int>(random.uniform(0, 58));
            add_square(image, x, y, 3, static_cast<float>(random.uniform(3, 400)));
        }
        add_square(image, 0, 0, 2, 60.0F);
        add_square(image, 81, 59, 2, 60.0F);
        for (int y = 0; y < 61; ++y) {
            for (int x = 40; x < 47; ++x) valid(x, y) = 0;
        }
        valid(20, 20) = 0;
        for (const double gain : {1.0, 2.5}) {
            DispersionOptions options;
            options.gain = gain;
            options.global_threshold = gain;  // another value than 0
            const auto plain = dispersion_mask(image, valid, options);
            const auto extended = dispersion_extended_mask(image, valid, options);
            EXPECT_GT(std::count(plain.pixels.begin(), plain.pixels.end(), 1), 20);
            EXPECT_GT(std::count(extended.pixels.begin(), extended.pixels.end(), 1), 20);
            EXPECT_EQ(plain, slow_dispersion(image, valid, options, false)) << mean << ", gain " << gain;
            EXPECT_EQ(extended, slow_dispersion(image, valid, options, true)) << mean << ", gain " << gain;
        }
    }
}

TEST(Dispersion, MeasuresAPlantedSpot) {
    Image<float> image(64, 64, 4.0F);
    add_square(image, 30, 20, 2, 96.0F);
    for (const auto& spots : {dispersion(image, {}), dispersion_extended(image, {})}) {
        ASSERT_EQ(spots.size(), 1U);
        EXPECT_NEAR(spots[0].fast_px, 31.0, 1e-9);
        EXPECT_NEAR(spots[0].slow_px, 21.0, 1e-9);
        EXPECT_EQ(spots[0].npix, 4);
        EXPECT_NEAR(spots[0].background, 4.0, 1e-9);
        EXPECT_NEAR(spots[0].intensity, 4 * 96.0, 1e-6);
        // 12 x 12 px around it, less its own 4.
        EXPECT_NEAR(spots[0].snr, 384.0 / std::sqrt(384.0 + 4 * 4.0 * (1 + 4.0 / 140)), 1e-6);
    }
}

TEST(Dispersion, FindsAtMostFiveSpotsInAMegapixelOfNoise) {
    for (const double mean : {0.02, 1.0, 50.0}) {
        const auto image = poisson_image(1024, 1024, mean, 3);
        EXPECT_LE(dispersion(image, {}).size(), 5U) << mean << " photons per pixel";
        EXPECT_LE(dispersion_extended(image, {}).size(), 5U) << mean << " photons per pixel";
    }
}

TEST(Dispersion, FiltersBySizeAndShape) {
    Image<float> image(96, 96, 4.0F);
    add_square(image, 20, 20, 1, 500.0F);  // 1 px
    add_square(image, 60, 20, 3, 500.0F);  // 9 px
    for (int x = 20; x < 31; ++x) image(x, 60) += 100.0F;
    image(20, 60) += 300.0F;  // a streak with its highest pixel at one end, 4 px from the centroid
    DispersionOptions options;
    options.max_pixels = 8;
    EXPECT_TRUE(dispersion(image, {}, options).empty());
    options.max_pixels = 11;
    EXPECT_EQ(dispersion(image, {}, options).size(), 1U);
    options.max_peak_centroid_px = 6.0;
    EXPECT_EQ(dispersion(image, {}, options).size(), 2U);
    options.min_pixels = 1;
    EXPECT_EQ(dispersion(image, {}, options).size(), 3U);
}

TEST(Dispersion, UnusableValuesTakeNoPart) {
    Image<float> image(64, 64, 4.0F);
    add_square(image, 30, 20, 2, 96.0F);
    image(35, 21) = std::numeric_limits<float>::quiet_NaN();
    image(26, 20) = std::numeric_limits<float>::infinity();
    EXPECT_EQ(dispersion(image, {}).size(), 1U);
    EXPECT_EQ(dispersion_extended(image, {}).size(), 1U);
    Image<std::uint8_t> valid(64, 64, 1);
    for (const int y : {20, 21}) valid(30, y) = 0;
    EXPECT_TRUE(dispersion(image, valid).empty());  // two of its pixels are left
    EXPECT_THROW(dispersion(image, Image<std::uint8_t>(3, 3, 1)), UsageError);
    DispersionOptions options;
    options.gain = 0.0;
    EXPECT_THROW(dispersion(image, {}, options), UsageError);
}

}  // namespace
}  // namespace braggbench
