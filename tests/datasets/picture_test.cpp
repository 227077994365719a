#include "datasets/picture.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <opencv2/imgcodecs.hpp>

#include "datasets/file_bytes.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr Rgb white = {255, 255, 255};
constexpr Rgb black = {0, 0, 0};

TEST(picture, diffraction_is_dark_on_light_with_a_square_root) {
    // 1000 pixels: the 1st percentile is 0 and the 99.8th is 400, so 100 is half way along a square root.
    Image<float> values(1000, 1, 0.0F);
    for (int i = 0; i < 10; ++i) {
        values(i, 0) = 400.0F;
    }
    values(20, 0) = 100.0F;
    values(0, 0) = 1e6F;
    const Picture picture = grey_picture(values);
    EXPECT_EQ(picture(500, 0), white);
    EXPECT_EQ(picture(1, 0), black);
    EXPECT_EQ(picture(0, 0), black);
    EXPECT_EQ(picture(20, 0), (Rgb{128, 128, 128}));
}

TEST(picture, integer_and_float_images_look_the_same) {
    Image<std::uint16_t> counts(20, 20);
    Image<float> floats(20, 20);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        counts.pixels[i] = static_cast<std::uint16_t>(i * 7 % 31);
        floats.pixels[i] = static_cast<float>(counts.pixels[i]);
    }
    EXPECT_EQ(grey_picture(counts), grey_picture(floats));
}

TEST(picture, a_flat_or_empty_image_is_light) {
    EXPECT_EQ(grey_picture(Image<std::uint16_t>(3, 3, 500)), Picture(3, 3, white));
    EXPECT_EQ(grey_picture(Image<float>(3, 3, std::nanf(""))), Picture(3, 3, white));
    EXPECT_EQ(grey_picture(Image<float>()), Picture());
}

// The circle's pixels have the peak as their centre of mass, half-pixel conventions included.
TEST(picture, circles_are_centred_on_their_peaks) {
    for (const double scale : {1.0, 3.0}) {
        Picture picture(90, 90, white);
        Peak peak;
        peak.visible = true;
        peak.fast_px = 12.5F;
        peak.slow_px = 20.25F;
        Peak hidden = peak;
        hidden.visible = false;
        hidden.fast_px = 80.0F / static_cast<float>(scale);
        const std::vector<Peak> peaks = {peak, hidden};
        mark_peaks(picture, peaks, scale, black);
        double weight = 0;
        double fast_sum = 0;
        double slow_sum = 0;
        for (int slow = 0; slow < 90; ++slow) {
            for (int fast = 0; fast < 90; ++fast) {
                const double darkness = 255.0 - picture(fast, slow)[0];
                weight += darkness;
                fast_sum += darkness * (fast + 0.5);
                slow_sum += darkness * (slow + 0.5);
            }
        }
        ASSERT_GT(weight, 255.0 * 8);
        EXPECT_NEAR(fast_sum / weight, 12.5 * scale, 0.15);
        EXPECT_NEAR(slow_sum / weight, 20.25 * scale, 0.15);
        // The spot itself stays free.
        EXPECT_EQ(picture(static_cast<int>(12.5 * scale), static_cast<int>(20.25 * scale)), white);
    }
}

TEST(picture, peaks_off_the_picture_are_harmless) {
    Picture picture(8, 8, white);
    Peak peak;
    peak.visible = true;
    std::vector<Peak> peaks(3, peak);
    peaks[0].fast_px = -1e30F;
    peaks[1].slow_px = 1e6F;
    peaks[2].fast_px = std::nanf("");
    mark_peaks(picture, peaks);
    EXPECT_EQ(picture, Picture(8, 8, white));
}

TEST(picture, heat_leaves_its_zeros_alone_and_is_darkest_at_its_highest) {
    Picture picture(3, 1, white);
    Image<float> map(3, 1);
    map(1, 0) = 0.2F;
    map(2, 0) = 2.0F;
    blend_heat(picture, map);
    const auto sum = [](Rgb colour) { return int{colour[0]} + colour[1] + colour[2]; };
    EXPECT_EQ(picture(0, 0), white);
    EXPECT_LT(sum(picture(1, 0)), 3 * 255);
    EXPECT_LT(sum(picture(2, 0)), sum(picture(1, 0)));
    Picture scaled(3, 1, white);
    for (float& value : map.pixels) {
        value *= 1e-6F;
    }
    blend_heat(scaled, map);
    EXPECT_EQ(scaled, picture);
    EXPECT_THROW(blend_heat(picture, Image<float>(2, 1)), UsageError);
}

TEST(picture, enlarging_repeats_pixels) {
    Picture picture(2, 1, white);
    picture(1, 0) = black;
    const Picture larger = resize_nearest(picture, 2);
    EXPECT_EQ(larger.width, 4);
    EXPECT_EQ(larger.height, 2);
    EXPECT_EQ(larger(1, 1), white);
    EXPECT_EQ(larger(2, 1), black);
    EXPECT_THROW(resize_nearest(picture, 0), UsageError);
}

TEST(picture, a_contact_sheet_holds_its_tiles_in_reading_order) {
    const std::vector<Tile> tiles = {{Picture(60, 40, Rgb{1, 2, 3}), "first"},
                                     {Picture(60, 40, Rgb{4, 5, 6}), "a caption much too long for its tile"},
                                     {Picture(30, 20, Rgb{7, 8, 9}), ""}};
    const Picture sheet = contact_sheet(tiles, 2);
    std::array<std::array<int, 4>, 3> found{};  // count, sum of fast, sum of slow per tile
    for (int slow = 0; slow < sheet.height; ++slow) {
        for (int fast = 0; fast < sheet.width; ++fast) {
            for (std::size_t tile = 0; tile < 3; ++tile) {
                if (sheet(fast, slow) == tiles[tile].picture.pixels[0]) {
                    ++found[tile][0];
                    found[tile][1] += fast;
                    found[tile][2] += slow;
                }
            }
        }
    }
    EXPECT_EQ(found[0][0], 60 * 40);
    EXPECT_EQ(found[1][0], 60 * 40);
    EXPECT_EQ(found[2][0], 30 * 20);
    EXPECT_GT(found[1][1] / found[1][0], found[0][1] / found[0][0] + 60);
    EXPECT_EQ(found[1][2] / found[1][0], found[0][2] / found[0][0]);
    EXPECT_GT(found[2][2] / found[2][0], found[0][2] / found[0][0] + 30);
    EXPECT_THROW(contact_sheet({}, 3), UsageError);
    EXPECT_THROW(contact_sheet(tiles, 0), UsageError);
}

TEST(picture, a_grey_picture_is_written_with_one_channel) {
    Picture picture(7, 5, white);
    picture(2, 3) = {90, 90, 90};
    const cv::Mat read = cv::imdecode(encode_png(picture), cv::IMREAD_UNCHANGED);
    ASSERT_EQ(read.channels(), 1);
    EXPECT_EQ(read.at<std::uint8_t>(3, 2), 90);
}

TEST(picture, reducing_keeps_the_brightest_pixel_of_each_block) {
    Image<std::uint16_t> image(5, 4, 1);
    image(3, 1) = 9;
    image(4, 0) = 50;  // in no whole block
    const Image<std::uint16_t> reduced = reduce_max(image, 2);
    ASSERT_EQ(reduced.width, 2);
    ASSERT_EQ(reduced.height, 2);
    EXPECT_EQ(reduced(1, 0), 9);
    EXPECT_EQ(reduced(0, 0), 1);
}

TEST(picture, png_keeps_red_red) {
    Picture picture(2, 1, Rgb{250, 20, 10});
    picture(1, 0) = {0, 0, 255};
    const std::vector<std::uint8_t> encoded = encode_png(picture);
    const cv::Mat back = cv::imdecode(encoded, cv::IMREAD_COLOR);
    EXPECT_EQ(back.at<cv::Vec3b>(0, 0), cv::Vec3b(10, 20, 250));
    EXPECT_EQ(back.at<cv::Vec3b>(0, 1), cv::Vec3b(255, 0, 0));
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "picture_png_keeps_red_red.png";
    write_png(path, picture);
    const std::string bytes = read_file_bytes(path);
    EXPECT_TRUE(std::equal(encoded.begin(), encoded.end(), bytes.begin(), bytes.end(),
                           [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
    std::filesystem::remove(path);
    EXPECT_THROW(write_png("/nowhere/a.png", picture), DataError);
    EXPECT_THROW(encode_png(Picture()), UsageError);
}

}  // namespace
}  // namespace braggbench
