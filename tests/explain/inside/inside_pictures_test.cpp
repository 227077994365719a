#include "explain/inside/inside_pictures.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace braggbench {
namespace {

constexpr Rgb white = {255, 255, 255};

std::int64_t pixels_of(const Picture& picture, Rgb colour) {
    return std::count(picture.pixels.begin(), picture.pixels.end(), colour);
}

TEST(FilterPicture, IsWhiteAtZeroAndSymmetric) {
    FilterBank bank{"conv", 2, 3, 1, 1, {0.0F, 0.5F, -0.5F, 0.25F, 0.0F, -0.25F}};
    const FilterPicture drawn = filter_picture(bank);
    EXPECT_DOUBLE_EQ(drawn.scale, 0.5);
    EXPECT_EQ(drawn.outputs_shown, 2);
    EXPECT_EQ(drawn.inputs_shown, 3);
    const int step = (drawn.picture.width - 1) / 3;
    ASSERT_EQ(drawn.picture.height, 2 * step + 1);
    const auto cell = [&](int output, int input) { return drawn.picture(2 + input * step, 2 + output * step); };
    EXPECT_EQ(cell(0, 0), white);
    EXPECT_EQ(cell(1, 1), white);
    EXPECT_GT(cell(0, 1)[0], cell(0, 1)[2]);  // red
    EXPECT_GT(cell(0, 2)[2], cell(0, 2)[0]);  // blue
    EXPECT_LT(cell(0, 1)[1], cell(1, 0)[1]);  // half as strong is paler
}

TEST(FilterPicture, ShowsAllFiltersOfOneInputAndCapsOthers) {
    const FilterBank first{"first", 40, 1, 3, 3, std::vector<float>(360, 1.0F)};
    EXPECT_EQ(filter_picture(first).outputs_shown, 40);
    const FilterBank deep{"deep", 64, 48, 3, 3, std::vector<float>(std::size_t{64} * 48 * 9, 1.0F)};
    const FilterPicture drawn = filter_picture(deep);
    EXPECT_EQ(drawn.outputs_shown, most_filters_shown);
    EXPECT_EQ(drawn.inputs_shown, most_filters_shown);
}

FeatureMap map_of(const std::string& name, float low, float high) {
    FeatureMap map{name, Image<float>(8, 8, low), false};
    map.map(3, 4) = high;
    return map;
}

TEST(FeatureMapPicture, HasACellForEveryMapWithItsOwnScale) {
    const Image<float> photons(16, 16, 1.0F);
    const auto picture_of = [&](int count, float high) {
        std::vector<FeatureMap> maps;
        for (int m = 0; m < count; ++m) maps.push_back(map_of(std::to_string(m), 0.0F, m == 1 ? high : 1.0F));
        return feature_map_picture(photons, "image", maps);
    };
    // Eight to a row.
    const Picture eight = picture_of(8, 1.0F);
    const Picture nine = picture_of(9, 1.0F);
    const Picture twenty = picture_of(20, 1.0F);
    EXPECT_EQ(nine.width, eight.width);
    EXPECT_EQ(twenty.width, eight.width);
    EXPECT_GT(twenty.height, nine.height - 1);
    // A black unit of 16 x 16 px in each of 20 cells, however high it is.
    const std::int64_t black = pixels_of(twenty, {0, 0, 0});
    EXPECT_EQ(black, 20 * 16 * 16);
    EXPECT_EQ(pixels_of(picture_of(20, 1000.0F), {0, 0, 0}), black);
}

TEST(FeatureMapPicture, CrossesOutEmptyMaps) {
    const Image<float> photons(16, 16, 1.0F);
    std::vector<FeatureMap> maps = {map_of("0", 0.0F, 1.0F), map_of("1", 0.0F, 0.0F)};
    const Picture plain = feature_map_picture(photons, "image", maps);
    maps[1].empty = true;
    const Picture crossed = feature_map_picture(photons, "image", maps);
    const Rgb red = {178, 24, 43};
    EXPECT_EQ(pixels_of(plain, red), 0);
    EXPECT_GT(pixels_of(crossed, red), 300);
}

TEST(FeatureMapPicture, LargeMapsKeepSingleUnits) {
    const Image<float> photons(16, 16, 1.0F);
    FeatureMap map{"0", Image<float>(512, 512, 0.0F), false};
    map.map(101, 257) = 1.0F;
    const Picture picture = feature_map_picture(photons, "image", std::span(&map, 1));
    EXPECT_EQ(pixels_of(picture, {0, 0, 0}), 1);
    EXPECT_LT(picture.width, 1024);
}

}  // namespace
}  // namespace braggbench
