#include "datasets/augmentation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "planted_peaks.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

View native_view(const DetectorImage& image) { return make_view(image, parse_view("native"), 1.0, 0.0); }

View level(int width, int height, float photons) {
    DetectorImage image;
    image.values = Image<float>(width, height, photons);
    image.valid = Image<std::uint8_t>(width, height, 1);
    return native_view(image);
}

TEST(augmentation, the_default_changes_nothing) {
    const test::Planted planted = test::plant_peaks(200, 160, 1.5);
    const View view = native_view(planted.image);
    const Augmented same = augment(view, planted.peaks, {}, {1, 2, 3});
    EXPECT_EQ(same.photons, view.photons);
    EXPECT_EQ(same.valid, view.valid);
    ASSERT_EQ(same.peaks.size(), planted.peaks.size());
    EXPECT_EQ(same.peaks[3].fast_px, planted.peaks[3].fast_px);
}

Augmentation everything() {
    Augmentation ranges;
    ranges.exposure = {0.3, 1.0};
    ranges.noise_rms_photons = {0.0, 3.0};
    ranges.gain = {0.8, 1.25};
    ranges.flip_fast_probability = ranges.flip_slow_probability = 0.5;
    ranges.shear = {-0.1, 0.1};
    ranges.zoom = {0.8, 1.25};
    ranges.rotation_deg = {-180.0, 180.0};
    ranges.shift_fast_px = ranges.shift_slow_px = {-20.0, 20.0};
    return ranges;
}

TEST(augmentation, planted_peaks_are_found_where_the_truth_says) {
    const test::Planted planted = test::plant_peaks(400, 300, 2.0);
    const View view = native_view(planted.image);
    for (const auto interpolation : {Interpolation::bilinear, Interpolation::nearest}) {
        Augmentation ranges = everything();
        ranges.interpolation = interpolation;
        int expected = 0;
        for (std::uint64_t index = 0; index < 12; ++index) {
            const Augmented result = augment(view, planted.peaks, ranges, {5, index, 0}, Eigen::Vector2d(190, 160));
            const test::Recovery recovery = test::recover(result.photons, result.valid, result.peaks);
            expected += recovery.expected;
            EXPECT_EQ(recovery.found, recovery.expected) << index;
            EXPECT_LE(recovery.worst_px, 0.5) << index;
        }
        EXPECT_GT(expected, 200);
    }
}

TEST(augmentation, planted_peaks_survive_a_view_of_the_augmented_image) {
    const test::Planted planted = test::plant_peaks(400, 300, 2.0);
    for (std::uint64_t index = 0; index < 4; ++index) {
        const Augmented result = augment(planted.image, planted.peaks, 1.0, 0.0, everything(), {6, index, 0});
        const View view = make_view(as_detector_image(result), parse_view("downsample:max:200"), 1.0, 0.0);
        const test::Recovery recovery = test::recover(view.photons, view.valid, peaks_in_view(result.peaks, view));
        EXPECT_GT(recovery.expected, 10);
        EXPECT_EQ(recovery.found, recovery.expected);
        EXPECT_LE(recovery.worst_px, 0.5);
    }
}

TEST(augmentation, flips_and_whole_shifts_move_pixels_unchanged) {
    const test::Planted planted = test::plant_peaks(120, 90, 1.5);
    const View view = native_view(planted.image);
    Augmentation flip;
    flip.flip_fast_probability = 1.0;
    const Augmented flipped = augment(view, planted.peaks, flip, {});
    Augmentation shift;
    shift.shift_fast_px = {7.0, 7.0};
    shift.shift_slow_px = {-3.0, -3.0};
    const Augmented shifted = augment(view, planted.peaks, shift, {});
    for (int y = 0; y < 90; ++y) {
        for (int x = 0; x < 120; ++x) {
            EXPECT_EQ(flipped.photons(x, y), view.photons(119 - x, y));
            if (x >= 7 && y < 87) {
                EXPECT_EQ(shifted.photons(x, y), view.photons(x - 7, y + 3));
            } else {
                EXPECT_EQ(shifted.valid(x, y), 0);
            }
        }
    }
    EXPECT_EQ(std::count(flipped.valid.pixels.begin(), flipped.valid.pixels.end(), 1), 120 * 90);
    EXPECT_FLOAT_EQ(flipped.peaks[0].fast_px, 120.0F - planted.peaks[0].fast_px);
}

TEST(augmentation, footprints_turn_and_grow) {
    Peak peak;
    peak.fast_px = peak.slow_px = 50.0F;
    peak.var_fast_px2 = 9.0F;
    peak.var_slow_px2 = 1.0F;
    Augmentation ranges;
    ranges.rotation_deg = {90.0, 90.0};
    ranges.zoom = {2.0, 2.0};
    const Augmented result = augment(level(100, 100, 5.0F), {peak}, ranges, {});
    ASSERT_EQ(result.peaks.size(), 1U);
    EXPECT_NEAR(result.peaks[0].var_fast_px2, 4.0, 1e-4);
    EXPECT_NEAR(result.peaks[0].var_slow_px2, 36.0, 1e-4);
    EXPECT_NEAR(result.peaks[0].cov_px2, 0.0, 1e-4);
}

// From fast towards slow: a quarter turn brings what lay along +fast to +slow.
TEST(augmentation, rotation_has_the_stated_sense) {
    Peak peak;
    peak.fast_px = 70.0F;
    peak.slow_px = 50.0F;
    Augmentation ranges;
    ranges.rotation_deg = {90.0, 90.0};
    const Augmented result = augment(level(100, 100, 5.0F), {peak}, ranges, {});
    EXPECT_NEAR(result.peaks.at(0).fast_px, 50.0, 1e-4);
    EXPECT_NEAR(result.peaks.at(0).slow_px, 70.0, 1e-4);
}

TEST(augmentation, masked_pixels_move_with_the_image_and_hide_peaks) {
    test::Planted planted = test::plant_peaks(200, 200, 2.0);
    const Peak& first = planted.peaks.front();
    for (int y = -4; y <= 4; ++y) {
        for (int x = -4; x <= 4; ++x) {
            planted.image.valid(static_cast<int>(first.fast_px) + x, static_cast<int>(first.slow_px) + y) = 0;
        }
    }
    Augmentation ranges;
    ranges.flip_fast_probability = 1.0;
    ranges.flip_slow_probability = 1.0;
    const Augmented result = augment(planted.image, planted.peaks, 1.0, 0.0, ranges, {});
    EXPECT_FALSE(result.peaks.front().visible);
    EXPECT_TRUE(result.peaks.back().visible);
    EXPECT_EQ(std::count(result.valid.pixels.begin(), result.valid.pixels.end(), 0), 81);
}

TEST(augmentation, dead_regions_and_the_beam_stop_mask_what_they_cover) {
    const test::Planted planted = test::plant_peaks(300, 300, 2.0);
    Augmentation ranges;
    ranges.dead_regions = 20;
    ranges.dead_region_px = {20.0, 60.0};
    ranges.beam_stop_probability = 1.0;
    ranges.beam_stop_radius_px = {30.0, 30.0};
    std::size_t hidden = 0;
    for (std::uint64_t index = 0; index < 5; ++index) {
        const Augmented result = augment(planted.image, planted.peaks, 1.0, 0.0, ranges, {2, index, 0});
        ASSERT_EQ(result.peaks.size(), planted.peaks.size());
        for (const Peak& peak : result.peaks) {
            const bool measured = result.valid(static_cast<int>(peak.fast_px), static_cast<int>(peak.slow_px)) != 0;
            EXPECT_EQ(peak.visible, measured);
            hidden += measured ? 0 : 1;
        }
        EXPECT_EQ(result.valid(150, 150), 0);
        EXPECT_EQ(result.photons(150, 150), 10.0F);  // the median
        const auto masked = std::count(result.valid.pixels.begin(), result.valid.pixels.end(), 0);
        EXPECT_GT(masked, 2827);  // the disc's area
        EXPECT_LT(masked, 60000);
    }
    EXPECT_GT(hidden, 5U);
}

// A thinned Poisson image is Poisson of the smaller mean: its variance is its mean. Scaling would give mean * exposure.
TEST(augmentation, thinning_keeps_poisson_statistics) {
    for (const double mean : {0.5, 6.0, 300.0}) {
        DetectorImage image;
        image.values = Image<float>(256, 256);
        image.valid = Image<std::uint8_t>(256, 256, 1);
        RandomStream random(1, 2, Stage::photon_noise);
        for (float& value : image.values.pixels) value = static_cast<float>(random.poisson(mean));
        for (const double exposure : {0.05, 0.4, 0.9}) {
            Augmentation ranges;
            ranges.exposure = {exposure, exposure};
            const Augmented result = augment(native_view(image), {}, ranges, {4, 4, 4});
            double sum = 0;
            double squares = 0;
            for (const float value : result.photons.pixels) {
                sum += static_cast<double>(value);
                squares += static_cast<double>(value) * static_cast<double>(value);
            }
            const double n = static_cast<double>(result.photons.size());
            const double expected = mean * exposure;
            const double seen = sum / n;
            // Standard errors of the mean and the variance of n Poisson values.
            EXPECT_NEAR(seen, expected, 5.0 * std::sqrt(expected / n));
            EXPECT_NEAR(squares / n - seen * seen, expected,
                        5.0 * std::sqrt((expected + 2.0 * expected * expected) / n));
        }
    }
}

TEST(augmentation, binomial_draws_have_the_right_distribution) {
    RandomStream random(9, 0, Stage::augmentation);
    for (const auto& [count, probability] : {std::pair{1, 0.3},
                                             {12, 0.5},
                                             {40, 0.2},
                                             {40, 0.9},
                                             {100, 0.3},
                                             {5000, 0.01},
                                             {60000, 0.5},
                                             {60000, 0.0001}}) {
        constexpr int draws = 40000;
        const double n = count;
        const double expected = n * probability;
        const double variance = expected * (1.0 - probability);
        std::vector<int> histogram(static_cast<std::size_t>(count) + 1);
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < draws; ++i) {
            const auto k = draw_binomial(static_cast<std::uint64_t>(count), probability, random);
            ASSERT_LE(k, static_cast<std::uint64_t>(count));
            ++histogram[k];
            sum += static_cast<double>(k) - expected;
            squares += (static_cast<double>(k) - expected) * (static_cast<double>(k) - expected);
        }
        EXPECT_NEAR(sum / draws, 0.0, 5.0 * std::sqrt(variance / draws)) << count << ' ' << probability;
        EXPECT_NEAR(squares / draws, variance, 5.0 * variance * std::sqrt(3.0 / draws)) << count << ' ' << probability;
        // Chi-squared against the distribution itself, where counts allow.
        double chi2 = 0;
        int cells = 0;
        for (int k = 0; k <= count; ++k) {
            const double log_share = std::lgamma(n + 1) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) +
                                     k * std::log(probability) + (n - k) * std::log1p(-probability);
            const double cell = draws * std::exp(log_share);
            if (cell < 20.0) continue;
            chi2 += (histogram[static_cast<std::size_t>(k)] - cell) * (histogram[static_cast<std::size_t>(k)] - cell) /
                    cell;
            ++cells;
        }
        EXPECT_LT(chi2, cells + 5.0 * std::sqrt(2.0 * cells) + 5.0) << count << ' ' << probability;
    }
    EXPECT_EQ(draw_binomial(0, 0.5, random), 0U);
    EXPECT_EQ(draw_binomial(7, 0.0, random), 0U);
    EXPECT_EQ(draw_binomial(7, 1.0, random), 7U);
}

TEST(augmentation, weaker_exposure_weakens_the_peaks_by_the_definition_of_visible) {
    Peak strong;
    strong.fast_px = strong.slow_px = 30.0F;
    strong.photons = 10000.0F;
    strong.var_fast_px2 = strong.var_slow_px2 = 1.0F;
    strong.background_photons = 10.0F;
    strong.snr = signal_to_noise(strong, 0.0);
    strong.visible = true;
    Peak weak = strong;
    weak.photons = 120.0F;
    weak.snr = signal_to_noise(weak, 0.0);
    ASSERT_GT(weak.snr, 5.0F);
    Augmentation ranges;
    ranges.exposure = {0.1, 0.1};
    ranges.noise_rms_photons = {2.0, 2.0};
    ranges.read_noise_rms_photons = 1.5;
    const Augmented result = augment(level(64, 64, 10.0F), {strong, weak}, ranges, {});
    Peak truth = strong;
    truth.photons = 1000.0F;
    truth.background_photons = 1.0F;
    EXPECT_FLOAT_EQ(result.peaks[0].photons, 1000.0F);
    EXPECT_FLOAT_EQ(result.peaks[0].snr, signal_to_noise(truth, 2.5));
    EXPECT_TRUE(result.peaks[0].visible);
    EXPECT_FALSE(result.peaks[1].visible);
}

TEST(augmentation, noise_and_gain_are_as_drawn) {
    Augmentation ranges;
    ranges.noise_rms_photons = {3.0, 3.0};
    ranges.gain = {2.0, 2.0};
    const Augmented result = augment(level(256, 256, 50.0F), {}, ranges, {8, 1, 0});
    double sum = 0;
    double squares = 0;
    for (const float value : result.photons.pixels) {
        sum += static_cast<double>(value) - 100.0;
        squares += (static_cast<double>(value) - 100.0) * (static_cast<double>(value) - 100.0);
    }
    const double n = 65536.0;
    EXPECT_NEAR(sum / n, 0.0, 5.0 * 6.0 / std::sqrt(n));
    EXPECT_NEAR(squares / n, 36.0, 5.0 * 36.0 * std::sqrt(2.0 / n));
    EXPECT_EQ(result.gain, 2.0);
}

TEST(augmentation, the_same_key_gives_the_same_image_and_another_key_another) {
    const test::Planted planted = test::plant_peaks(150, 150, 2.0);
    const auto with = [&](const DrawKey& key) {
        return augment(planted.image, planted.peaks, 1.0, 0.0, everything(), key);
    };
    const Augmented first = with({1, 2, 3});
    EXPECT_EQ(first.photons, with({1, 2, 3}).photons);
    for (const DrawKey& key : {DrawKey{2, 2, 3}, {1, 3, 3}, {1, 2, 4}}) EXPECT_NE(first.photons, with(key).photons);
}

TEST(augmentation, impossible_ranges_are_refused_all_at_once) {
    Augmentation ranges;
    ranges.exposure = {0.5, 1.5};
    ranges.zoom = {0.0, 1.0};
    ranges.rotation_deg = {10.0, -10.0};
    ranges.flip_fast_probability = std::nan("");
    try {
        validate(ranges);
        FAIL() << "no error";
    } catch (const UsageError& error) {
        for (const char* name : {"exposure", "zoom", "rotation_deg", "flip_fast_probability"}) {
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << name;
        }
    }
}

}  // namespace
}  // namespace braggbench
