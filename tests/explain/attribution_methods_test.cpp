#include "explain/attribution_methods.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "explain/attribution/black_box.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

TEST(AttributionMethods, TheTableHoldsEveryMethodOnce) {
    const auto all = parse_methods(std::vector<std::string>{"all"});
    EXPECT_EQ(all.size(), 13U);
    for (const MethodEntry& entry : attribution_methods()) {
        EXPECT_EQ(parse_methods(std::vector<std::string>{entry.name}), std::vector{entry.method});
        EXPECT_EQ(to_string(entry.method), entry.name);
        EXPECT_FALSE(entry.description.empty());
        EXPECT_FALSE(entry.citation.empty());
    }
}

TEST(AttributionMethods, TheDocsHaveTheTable) {
    std::ifstream file("docs/explanations.md");
    const std::string docs((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    for (const MethodEntry& entry : attribution_methods()) {
        EXPECT_NE(docs.find("| `" + entry.name + "` | " + entry.description + " | " + entry.citation + " |"),
                  std::string::npos)
            << entry.name;
    }
}

TEST(AttributionMethods, ParsesInTheTablesOrderEachOnce) {
    using enum AttributionMethod;
    EXPECT_EQ(parse_methods(std::vector<std::string>{"rise", "grad_cam", "rise"}), (std::vector{grad_cam, rise}));
    try {
        parse_methods(std::vector<std::string>{"gradcam"});
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("'grad_cam'"), std::string::npos);
    }
}

// Score = 3 x the pixel (5, 2) + the pixel (1, 6): linear, so that every black-box map is known.
std::vector<double> linear_score(const std::vector<Image<float>>& images) {
    std::vector<double> scores;
    for (const Image<float>& image : images) scores.push_back(3.0 * image(5, 2) + image(1, 6));
    return scores;
}

TEST(BlackBox, OcclusionLosesWhatThePatchHeld) {
    Image<float> photons(8, 8, 10.0F);
    photons(5, 2) = 20.0F;
    const Image<float> reference(8, 8, 4.0F);
    const Image<float> map = occlusion_map(photons, reference, linear_score, {.patches = 4});
    for (int slow = 0; slow < 8; ++slow) {
        for (int fast = 0; fast < 8; ++fast) {
            const bool bright = fast / 2 == 2 && slow / 2 == 1;
            const bool other = fast / 2 == 0 && slow / 2 == 3;
            EXPECT_FLOAT_EQ(map(fast, slow), bright ? 3.0F * 16.0F / 4.0F : other ? 6.0F / 4.0F : 0.0F);
        }
    }
}

TEST(BlackBox, OcclusionCoversImagesThatPatchesDoNotDivide) {
    const Image<float> photons(10, 7, 1.0F);
    const Image<float> map = occlusion_map(photons, Image<float>(10, 7), linear_score, {.patches = 3});
    double sum = 0.0;
    for (const float value : map.pixels) sum += value;
    EXPECT_NEAR(sum, 4.0, 1e-5);
}

TEST(BlackBox, RiseFindsTheSlopeOfALinearScore) {
    Image<float> photons(8, 8, 10.0F);
    photons(5, 2) = 20.0F;
    // Cells of one pixel: masks of neighbouring pixels are nearly independent, and the slope on a pixel is its weight
    // times what it holds above the reference.
    const Image<float> map =
        rise_map(photons, Image<float>(8, 8, 4.0F), linear_score, {.masks = 4000, .cells = 8, .keep = 0.5}, 3);
    EXPECT_NEAR(map(5, 2), 48.0F, 3.0F);
    EXPECT_NEAR(map(1, 6), 6.0F, 3.0F);
    EXPECT_NEAR(map(7, 7), 0.0F, 3.0F);
    EXPECT_EQ(map,
              rise_map(photons, Image<float>(8, 8, 4.0F), linear_score, {.masks = 4000, .cells = 8, .keep = 0.5}, 3));
}

TEST(BlackBox, RiseIsZeroWhereTheScoreIsConstant) {
    const auto constant = [](const std::vector<Image<float>>& images) {
        return std::vector<double>(images.size(), 7.0);
    };
    const Image<float> map = rise_map(Image<float>(16, 12, 1.0F), Image<float>(16, 12), constant, {.masks = 40}, 1);
    EXPECT_EQ(map, Image<float>(16, 12));
}

TEST(BlackBox, RefusesWhatCannotBeAsked) {
    const Image<float> photons(8, 8);
    EXPECT_THROW(occlusion_map(photons, Image<float>(4, 8), linear_score, {}), UsageError);
    EXPECT_THROW(occlusion_map(photons, photons, linear_score, {.patches = 0}), UsageError);
    EXPECT_THROW(rise_map(photons, photons, linear_score, {.masks = 1}, 1), UsageError);
    EXPECT_THROW(rise_map(photons, photons, linear_score, {.keep = 1.0}, 1), UsageError);
}

}  // namespace
}  // namespace braggbench
