#include "datasets/view.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

DetectorImage flat_image(int width, int height, float value) {
    DetectorImage image;
    image.name = "flat";
    image.values = Image<float>(width, height, value);
    image.valid = Image<std::uint8_t>(width, height, 1);
    return image;
}

TEST(view, an_image_of_the_views_size_is_only_converted) {
    Image<std::uint16_t> image(4, 4, 10);
    image(2, 1) = 40;
    const View view = make_view(image, {4}, 2.0, 10.0);
    EXPECT_EQ(view.placement.factor, 1);
    EXPECT_EQ(view.photons(2, 1), 15.0F);
    EXPECT_EQ(view.photons(0, 0), 0.0F);
    EXPECT_EQ(std::count(view.valid.pixels.begin(), view.valid.pixels.end(), 1), 16);
}

TEST(view, the_fast_path_equals_the_general_one) {
    Image<std::uint16_t> image(8, 8);
    DetectorImage same = flat_image(8, 8, 0);
    for (std::size_t i = 0; i < image.size(); ++i) {
        image.pixels[i] = static_cast<std::uint16_t>(i * i % 97);
        same.values.pixels[i] = static_cast<float>(image.pixels[i]);
    }
    const View fast = make_view(image, {8}, 1.7, 3.0);
    const View general = make_view(same, {8}, 1.7, 3.0);
    EXPECT_EQ(fast.photons, general.photons);
    EXPECT_EQ(fast.valid, general.valid);
}

// Whatever the sizes, the brightest pixel is found where placement says.
TEST(view, a_bright_pixel_lands_where_placement_says) {
    const int sizes[][3] = {{512, 512, 256}, {500, 300, 256}, {2463, 2527, 512}, {100, 60, 256},
                            {257, 256, 256}, {1, 1, 5},       {7, 3, 2},         {256, 255, 256}};
    for (const auto& [width, height, size] : sizes) {
        for (const auto& [fast, slow] : {std::pair{0, 0}, {width - 1, height - 1}, {width / 3, height / 2}}) {
            DetectorImage image = flat_image(width, height, 5);
            image.values(fast, slow) = 1000;
            const View view = make_view(image, {size}, 1.0, 0.0);
            ASSERT_EQ(view.photons.width, size);
            ASSERT_EQ(view.photons.height, size);
            // In a tiny image the median, and so the margin, may be as bright.
            std::size_t at = view.photons.size();
            for (std::size_t i = 0; i < view.photons.size(); ++i) {
                at = view.valid.pixels[i] != 0 && view.photons.pixels[i] == 1000.0F ? i : at;
            }
            ASSERT_LT(at, view.photons.size());
            const int view_fast = static_cast<int>(at) % size;
            const int view_slow = static_cast<int>(at) / size;
            const double left = view.placement.fast_offset_px + view.placement.factor * view_fast;
            const double top = view.placement.slow_offset_px + view.placement.factor * view_slow;
            EXPECT_LE(left, fast);
            EXPECT_LT(fast, left + view.placement.factor);
            EXPECT_LE(top, slow);
            EXPECT_LT(slow, top + view.placement.factor);
        }
    }
}

TEST(view, the_factor_is_the_smallest_that_fits) {
    EXPECT_EQ(make_view(flat_image(256, 256, 1), {256}, 1, 0).placement.factor, 1);
    EXPECT_EQ(make_view(flat_image(257, 10, 1), {256}, 1, 0).placement.factor, 2);
    EXPECT_EQ(make_view(flat_image(10, 513, 1), {256}, 1, 0).placement.factor, 3);
}

TEST(view, margins_take_the_median_and_are_not_valid) {
    DetectorImage image = flat_image(3, 1, 7);
    image.values(0, 0) = 100;
    const View view = make_view(image, {5}, 1.0, 0.0);
    EXPECT_EQ(view.photons(0, 0), 7.0F);
    EXPECT_EQ(view.valid(0, 0), 0);
    EXPECT_EQ(view.photons(1, 2), 100.0F);
    EXPECT_EQ(view.valid(1, 2), 1);
    EXPECT_EQ(std::count(view.valid.pixels.begin(), view.valid.pixels.end(), 1), 3);
}

// A picture whose value is its ring number: what fills the gap must be the ring's number, not a global median.
TEST(view, masked_pixels_take_the_median_of_their_ring) {
    DetectorImage image = flat_image(64, 64, 0);
    image.beam_fast_px = 20.0;
    image.beam_slow_px = 40.0;
    Image<float> truth(64, 64);
    for (int slow = 0; slow < 64; ++slow) {
        for (int fast = 0; fast < 64; ++fast) {
            truth(fast, slow) = static_cast<float>(std::floor(std::hypot(fast + 0.5 - 20.0, slow + 0.5 - 40.0)));
            const bool gap = slow >= 28 && slow < 34;
            image.values(fast, slow) = gap ? 0.0F : truth(fast, slow);
            image.valid(fast, slow) = gap ? 0 : 1;
        }
    }
    const View view = make_view(image, {64}, 1.0, 0.0);
    EXPECT_EQ(view.photons, truth);
    EXPECT_EQ(view.valid, image.valid);
}

TEST(view, a_block_with_one_valid_pixel_is_valid_and_takes_only_it) {
    DetectorImage image = flat_image(4, 4, 50);
    image.values(0, 0) = 3;
    for (const auto& [fast, slow] : {std::pair{1, 0}, {0, 1}, {1, 1}}) {
        image.values(fast, slow) = 900;
        image.valid(fast, slow) = 0;
    }
    const View view = make_view(image, {2}, 1.0, 0.0);
    EXPECT_EQ(view.photons(0, 0), 3.0F);
    EXPECT_EQ(view.valid(0, 0), 1);
}

TEST(view, a_masked_hot_pixel_leaves_no_trace) {
    DetectorImage image = flat_image(9, 9, 4);
    image.values(4, 4) = 1e6F;
    image.valid(4, 4) = 0;
    const View view = make_view(image, {9}, 1.0, 0.0);
    EXPECT_EQ(*std::max_element(view.photons.pixels.begin(), view.photons.pixels.end()), 4.0F);
    EXPECT_EQ(view.valid(4, 4), 0);
}

TEST(view, peaks_move_with_their_pixels) {
    DetectorImage image = flat_image(600, 500, 1);
    image.values(333, 222) = 77;
    const ViewSpec spec{256};
    const View view = make_view(image, spec, 1.0, 0.0);
    Peak peak;
    peak.fast_px = 333.5F;
    peak.slow_px = 222.5F;
    peak.var_fast_px2 = peak.var_slow_px2 = 1.0F / 12.0F;
    Peak outside = peak;
    outside.fast_px = 700.0F + 600.0F;
    const std::vector<Peak> seen = peaks_in_view({peak, outside}, view.placement, spec);
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(view.photons(static_cast<int>(seen[0].fast_px), static_cast<int>(seen[0].slow_px)), 77.0F);
    EXPECT_EQ(view.placement.factor, 3);
    // A point in a pixel stays a point in a pixel: its footprint is the view pixel's own 1/12.
    EXPECT_NEAR(seen[0].var_fast_px2, 1.0 / 12.0, 1e-6);
}

TEST(view, a_footprint_shrinks_with_the_square_of_the_factor) {
    Peak peak;
    peak.fast_px = peak.slow_px = 8.0F;
    peak.var_fast_px2 = 4.0F + 1.0F / 12.0F;
    peak.var_slow_px2 = 16.0F + 1.0F / 12.0F;
    peak.cov_px2 = 2.0F;
    const std::vector<Peak> seen = peaks_in_view({peak}, {2, 0.0, -4.0}, {16});
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_FLOAT_EQ(seen[0].fast_px, 4.0F);
    EXPECT_FLOAT_EQ(seen[0].slow_px, 6.0F);
    EXPECT_NEAR(seen[0].var_fast_px2, 1.0 + 1.0 / 12.0, 1e-6);
    EXPECT_NEAR(seen[0].var_slow_px2, 4.0 + 1.0 / 12.0, 1e-6);
    EXPECT_NEAR(seen[0].cov_px2, 0.5, 1e-6);
}

TEST(view, bad_requests_and_images_are_refused) {
    DetectorImage image = flat_image(4, 4, 1);
    EXPECT_THROW(make_view(image, {0}, 1.0, 0.0), UsageError);
    EXPECT_THROW(make_view(image, {4}, 0.0, 0.0), UsageError);
    EXPECT_THROW(make_view(image, {4}, 1.0, std::nan("")), UsageError);
    EXPECT_THROW(make_view(DetectorImage{}, {4}, 1.0, 0.0), DataError);
    image.valid = Image<std::uint8_t>(4, 4, 0);
    EXPECT_THROW(make_view(image, {4}, 1.0, 0.0), DataError);
}

}  // namespace
}  // namespace braggbench
