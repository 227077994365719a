#include "explain/causal_control.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "explain/deletion_curves.hpp"
#include "explain/explained_output.hpp"
#include "explain/map_similarity.hpp"
#include "explain/substrate.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 64;

// Background 20 / (1 + r / 16) with Poisson noise; peaks of 300 photons on the given pixels.
Image<float> pattern(const std::vector<std::pair<int, int>>& peaks) {
    RandomStream random(1, 0, Stage::photon_noise);
    Image<float> photons(size_px, size_px);
    for (int slow = 0; slow < size_px; ++slow) {
        for (int fast = 0; fast < size_px; ++fast) {
            const double radius_px = std::hypot(fast + 0.5 - 32.0, slow + 0.5 - 32.0);
            photons(fast, slow) = static_cast<float>(random.poisson(20.0 / (1.0 + radius_px / 16.0)));
        }
    }
    for (const auto& [fast, slow] : peaks) photons(fast, slow) += 300.0F;
    return photons;
}

PeakTargets targets(const std::vector<std::pair<int, int>>& pixels, double radius_px = 2.0) {
    std::vector<Peak> peaks(pixels.size());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        peaks[i].visible = true;
        peaks[i].fast_px = static_cast<float>(pixels[i].first) + 0.5F;
        peaks[i].slow_px = static_cast<float>(pixels[i].second) + 0.5F;
    }
    return make_targets(peaks, size_px, size_px, radius_px);
}

const std::vector<std::pair<int, int>> true_peaks = {{10, 12}, {50, 20}, {30, 55}};
const std::vector<std::pair<int, int>> other_peaks = {{12, 50}, {55, 44}, {20, 8}};

// As a spot finder would: how many pixels are above 150 photons.
std::vector<double> bright_pixels(const std::vector<Image<float>>& images) {
    std::vector<double> scores;
    for (const Image<float>& image : images) {
        scores.push_back(static_cast<double>(std::ranges::count_if(image.pixels, [](float v) { return v > 150.0F; })));
    }
    return scores;
}

// As a network that looks at the background alone would.
std::vector<double> level(const std::vector<Image<float>>& images) {
    std::vector<double> scores;
    for (const Image<float>& image : images) scores.push_back(image(5, 5));
    return scores;
}

TEST(Substrate, HasTheBackgroundWithoutThePeaks) {
    const Image<float> photons = pattern(true_peaks);
    const Mask valid(size_px, size_px, 1);
    const Substrate substrate = make_substrate(photons, valid, targets(true_peaks), 32.0, 32.0, 1, 0);
    EXPECT_LT(*std::ranges::max_element(substrate.noisy.pixels), 60.0F);
    EXPECT_FLOAT_EQ(substrate.median(3, 32), substrate.median(60, 31));  // one ring
    // Noise: the ring between 20 and 30 px has a mean of 20 / (1 + 25 / 16) = 7.8 photons and as large a variance.
    double sum = 0.0;
    double squares = 0.0;
    double count = 0.0;
    for (int slow = 0; slow < size_px; ++slow) {
        for (int fast = 0; fast < size_px; ++fast) {
            const double radius_px = std::hypot(fast + 0.5 - 32.0, slow + 0.5 - 32.0);
            if (radius_px < 20.0 || radius_px > 30.0) continue;
            const double expected = 20.0 / (1.0 + radius_px / 16.0);
            sum += substrate.noisy(fast, slow) - expected;
            squares += std::pow(substrate.noisy(fast, slow) - expected, 2) / expected;
            count += 1.0;
        }
    }
    EXPECT_NEAR(sum / count, 0.0, 0.5);
    EXPECT_NEAR(squares / count, 1.0, 0.2);
}

TEST(Substrate, LeavesInvalidPixelsAndIsKeyed) {
    const Image<float> photons = pattern({});
    Mask valid(size_px, size_px, 1);
    valid(40, 7) = 0;
    const auto make = [&](std::uint64_t image) {
        return make_substrate(photons, valid, targets({}), 32.0, 32.0, 1, image).noisy;
    };
    EXPECT_EQ(make(3)(40, 7), photons(40, 7));
    EXPECT_EQ(make(3), make(3));
    EXPECT_NE(make(3), make(4));
}

TEST(Substrate, ReplacesTheDiscsAlone) {
    const Image<float> photons = pattern(true_peaks);
    const Image<float> other(size_px, size_px, -1.0F);
    const Image<float> result = without(photons, targets(true_peaks), other);
    EXPECT_FLOAT_EQ(result(12, 12), -1.0F);
    EXPECT_FLOAT_EQ(result(13, 12), photons(13, 12));
}

std::vector<Image<float>> altered_images() {
    const Image<float> photons = pattern(true_peaks);
    const Mask valid(size_px, size_px, 1);
    const Image<float> substrate = make_substrate(photons, valid, targets(true_peaks), 32.0, 32.0, 1, 0).noisy;
    return causal_images(photons, substrate, {targets(true_peaks), std::vector<PeakTargets>(4, targets(other_peaks))});
}

TEST(CausalControl, SeesThatPeaksAreUsed) {
    const auto images = altered_images();
    ASSERT_EQ(images.size(), 6U);
    const CausalControl control = causal_control(bright_pixels(images));
    EXPECT_DOUBLE_EQ(control.drop, 3.0);
    EXPECT_DOUBLE_EQ(control.null_drop, 0.0);
    EXPECT_DOUBLE_EQ(control.d(), 3.0);
    EXPECT_DOUBLE_EQ(control.p, 0.2);
}

TEST(CausalControl, IsZeroForAModelThatLooksElsewhere) {
    const CausalControl control = causal_control(level(altered_images()));
    EXPECT_DOUBLE_EQ(control.d(), 0.0);
    EXPECT_DOUBLE_EQ(control.p, 1.0);
}

TEST(CausalControl, IsSummedUpByClass) {
    const CausalControl used{0.8, 0.1, 0.04};
    const CausalControl unused{0.1, 0.1, 0.6};
    const std::vector<CausalSample> samples = {{0, used, used}, {0, used, used}, {2, unused, unused}};
    const nlohmann::json json = causal_json(samples, {"strong", "empty", "weak"}, 1);
    EXPECT_EQ(json.at("images"), 3);
    EXPECT_NEAR(json.at("d").at("value").get<double>(), 1.4 / 3.0, 1e-12);
    EXPECT_NEAR(json.at("significant").at("value").get<double>(), 2.0 / 3.0, 1e-12);
    ASSERT_EQ(json.at("by_class").size(), 2U);
    EXPECT_EQ(json.at("by_class")[1].at("name"), "weak");
    EXPECT_NEAR(json.at("by_class")[0].at("d").at("value").get<double>(), 0.7, 1e-12);
}

TEST(CausalControl, WithoutImagesIsUndefinedNotZero) {
    EXPECT_TRUE(causal_json({}, {"strong"}, 1).at("d").at("value").is_null());
    EXPECT_THROW(causal_control(std::vector<double>{1.0, 0.5}), std::logic_error);
}

TEST(DeletionCurves, AMapThatKnowsBeatsRandomOrder) {
    const Image<float> photons = pattern(true_peaks);
    const Mask valid(size_px, size_px, 1);
    const Image<float> substrate = make_substrate(photons, valid, targets(true_peaks), 32.0, 32.0, 1, 0).noisy;
    Image<float> map(size_px, size_px);
    for (const auto& [fast, slow] : true_peaks) map(fast, slow) = 1.0F;
    const CurveAreas knows = deletion_and_insertion(map, photons, substrate, valid, bright_pixels, 1);
    // 0.001 of 4096 pixels are 4: the first step already removes all three.
    EXPECT_DOUBLE_EQ(knows.deletion, 0.0);
    EXPECT_DOUBLE_EQ(knows.insertion, 3.0);
    const CurveAreas random =
        deletion_and_insertion(Image<float>(size_px, size_px), photons, substrate, valid, bright_pixels, 1);
    EXPECT_GT(random.deletion, 1.0);
    EXPECT_LT(random.insertion, 2.0);
}

TEST(DeletionCurves, LeavesInvalidPixelsAndRefusesOtherSizes) {
    const Image<float> photons = pattern(true_peaks);
    Mask valid(size_px, size_px, 0);
    for (int fast = 0; fast < size_px; ++fast) valid(fast, 0) = 1;
    const Image<float> substrate(size_px, size_px);
    const CurveAreas areas = deletion_and_insertion(photons, photons, substrate, valid, bright_pixels, 1);
    EXPECT_DOUBLE_EQ(areas.deletion, 3.0);
    EXPECT_DOUBLE_EQ(areas.insertion, 0.0);
    EXPECT_THROW(deletion_and_insertion(Image<float>(8, 8), photons, substrate, valid, level, 1), UsageError);
}

TEST(MapSimilarity, IsSpearmansCorrelation) {
    Image<float> map(3, 2);
    map.pixels = {5.0F, 1.0F, 3.0F, 2.0F, 2.0F, -4.0F};
    Image<float> monotone = map;
    for (float& value : monotone.pixels) value = value * value * value + 7.0F;
    EXPECT_NEAR(*rank_similarity(map, monotone), 1.0, 1e-12);
    Image<float> reversed = map;
    for (float& value : reversed.pixels) value = -value;
    EXPECT_NEAR(*rank_similarity(map, reversed), -1.0, 1e-12);
    // Ranks 5 1 4 2.5 2.5 0 against 0 1 2 3 4 5: covariance -11, variances 17 and 17.5.
    Image<float> rising(3, 2);
    std::iota(rising.pixels.begin(), rising.pixels.end(), 0.0F);
    EXPECT_NEAR(*rank_similarity(map, rising), -11.0 / std::sqrt(17.0 * 17.5), 1e-9);
    EXPECT_FALSE(rank_similarity(map, Image<float>(3, 2)));
    map.pixels[0] = std::nanf("");
    EXPECT_FALSE(rank_similarity(map, reversed));
    EXPECT_THROW(rank_similarity(map, Image<float>(2, 3)), UsageError);
}

TEST(ExplainedOutput, IsFoundByNameAndHead) {
    Head classes;
    classes.name = "class";
    classes.outputs = {"miss", "ice"};
    Head attributes;
    attributes.name = "attributes";
    attributes.outputs = {"ice", "weak"};
    const std::vector<Head> heads = {classes, attributes};
    EXPECT_EQ(find_output(heads, "miss").index, 0);
    EXPECT_EQ(find_output(heads, "weak").index, 3);
    EXPECT_EQ(find_output(heads, "attributes:ice").index, 2);
    EXPECT_EQ(find_output(heads, "attributes:ice").head, "attributes");
    EXPECT_THROW(find_output(heads, "ice"), UsageError);
    try {
        find_output(heads, "strong");
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("attributes:weak"), std::string::npos);
    }
}

}  // namespace
}  // namespace braggbench
