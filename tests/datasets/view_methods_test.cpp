#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "datasets/view.hpp"
#include "datasets/view_reduce.hpp"
#include "datasets/view_values.hpp"
#include "planted_peaks.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

DetectorImage noisy_image(int width, int height, bool masked) {
    DetectorImage image;
    image.values = Image<float>(width, height);
    image.valid = Image<std::uint8_t>(width, height, 1);
    std::mt19937 random(5);
    for (std::size_t i = 0; i < image.values.size(); ++i) {
        image.values.pixels[i] = static_cast<float>(random() % 1000);
        if (masked && random() % 4 == 0) image.valid.pixels[i] = 0;
    }
    return image;
}

// How much of [a, a + 1) lies in [begin, end).
double overlap(int a, double begin, double end) {
    return std::max(0.0, std::min(a + 1.0, end) - std::max(static_cast<double>(a), begin));
}

// Reduced pixel (i, j) from the definition of each method, pixel by pixel; NaN if nothing enters.
double by_definition(const DetectorImage& image, Downsampling method, double factor, int i, int j) {
    double sum = 0;
    double weight = 0;
    double highest = -1;
    for (int y = 0; y < image.values.height; ++y) {
        for (int x = 0; x < image.values.width; ++x) {
            if (image.valid(x, y) == 0) continue;
            double share = overlap(x, i * factor, (i + 1) * factor) * overlap(y, j * factor, (j + 1) * factor);
            if (method == Downsampling::nearest) {
                const int half = static_cast<int>(factor) / 2;
                share = x == std::min(static_cast<int>(i * factor) + half, image.values.width - 1) &&
                                y == std::min(static_cast<int>(j * factor) + half, image.values.height - 1)
                            ? 1.0
                            : 0.0;
            }
            if (method == Downsampling::bilinear) {
                // Tents of one pixel's half-width about the centre; beyond the image its edge is repeated.
                const double u = std::clamp((i + 0.5) * factor, 0.5, image.values.width - 0.5);
                const double v = std::clamp((j + 0.5) * factor, 0.5, image.values.height - 0.5);
                share = std::max(0.0, 1.0 - std::abs(x + 0.5 - u)) * std::max(0.0, 1.0 - std::abs(y + 0.5 - v));
            }
            if (share < 1e-9) continue;
            const auto value = static_cast<double>(image.values(x, y));
            sum += share * value;
            weight += share;
            highest = std::max(highest, value);
        }
    }
    if (weight == 0) return std::nan("");
    return method == Downsampling::max ? highest : sum / weight;
}

TEST(view_methods, each_equals_its_definition_pixel_by_pixel) {
    for (const auto method :
         {Downsampling::max, Downsampling::mean, Downsampling::area, Downsampling::nearest, Downsampling::bilinear}) {
        for (const auto& [width, height, size] :
             {std::tuple{20, 20, 10}, {23, 17, 10}, {31, 12, 7}, {9, 30, 8}, {25, 25, 3}, {5, 4, 9}}) {
            for (const bool masked : {false, true}) {
                const DetectorImage image = noisy_image(width, height, masked);
                const Region all{0, 0, width, height};
                const double factor = factor_to_fit(all, method, size);
                const Reduced reduced = reduce(image.values, masked ? &image.valid : nullptr, all, method, factor);
                bool all_valid = true;
                for (int j = 0; j < reduced.values.height; ++j) {
                    for (int i = 0; i < reduced.values.width; ++i) {
                        const double truth = by_definition(image, method, factor, i, j);
                        EXPECT_EQ(reduced.valid(i, j), std::isnan(truth) ? 0 : 1);
                        all_valid = all_valid && !std::isnan(truth);
                        if (!std::isnan(truth)) {
                            EXPECT_NEAR(reduced.values(i, j), truth, 2e-3)
                                << static_cast<int>(method) << ' ' << width << 'x' << height << " at " << i << ' ' << j;
                        }
                    }
                }
                EXPECT_EQ(reduced.all_valid, all_valid);
                EXPECT_GE(reduced.values.width * factor, width - 1e-6);
                EXPECT_LE(reduced.values.width, size);
                EXPECT_LE(reduced.values.height, size);
            }
        }
    }
}

TEST(view_methods, integers_reduce_like_floats) {
    Image<std::uint16_t> image(37, 29);
    DetectorImage same = noisy_image(37, 29, false);
    for (std::size_t i = 0; i < image.size(); ++i) image.pixels[i] = static_cast<std::uint16_t>(same.values.pixels[i]);
    for (const char* text : {"downsample:max:16", "downsample:max:5", "downsample:max:9", "downsample:mean:16",
                             "downsample:area:16", "downsample:nearest:16", "downsample:bilinear:16", "native",
                             "crop:centre:50", "crop:fixed:20:30:3", "downsample:max:20+crop:centre:9"}) {
        const ViewSpec spec = parse_view(text);
        const View a = make_view(image, spec, 1.5, 2.0);
        const View b = make_view(same, spec, 1.5, 2.0);
        EXPECT_EQ(a.photons, b.photons) << text;
        EXPECT_EQ(a.valid, b.valid) << text;
    }
}

// Of a masked region smaller than the image only the region is looked at.
TEST(view_methods, a_region_is_reduced_like_an_image_of_its_own) {
    const DetectorImage image = noisy_image(40, 30, true);
    DetectorImage part = noisy_image(17, 11, false);
    for (int y = 0; y < 11; ++y) {
        for (int x = 0; x < 17; ++x) {
            part.values(x, y) = image.values(x + 5, y + 9);
            part.valid(x, y) = image.valid(x + 5, y + 9);
        }
    }
    for (const auto method : {Downsampling::max, Downsampling::mean, Downsampling::bilinear}) {
        const Reduced a = reduce(image.values, &image.valid, {5, 9, 17, 11}, method, 3.0);
        const Reduced b = reduce(part.values, &part.valid, {0, 0, 17, 11}, method, 3.0);
        EXPECT_EQ(a.valid, b.valid);
        for (std::size_t i = 0; i < a.values.size(); ++i) {
            if (a.valid.pixels[i] != 0) {
                EXPECT_EQ(a.values.pixels[i], b.values.pixels[i]);
            }
        }
    }
}

TEST(view_methods, the_mean_keeps_the_photons) {
    const DetectorImage image = noisy_image(64, 64, false);
    double native = 0;
    for (const float value : image.values.pixels) native += static_cast<double>(value);
    for (const char* text : {"downsample:mean:16", "downsample:area:16", "downsample:area:24"}) {
        const View view = make_view(image, parse_view(text), 1.0, 0.0);
        double seen = 0;
        for (const float value : view.photons.pixels) seen += static_cast<double>(value);
        EXPECT_NEAR(seen * view.placement.factor * view.placement.factor / native, 1.0, 1e-5) << text;
    }
}

TEST(view_methods, native_is_the_image) {
    const DetectorImage image = noisy_image(30, 20, false);
    const View view = make_view(image, parse_view("native"), 2.0, 4.0);
    ASSERT_EQ(view.photons.width, 30);
    ASSERT_EQ(view.photons.height, 20);
    EXPECT_EQ(view.photons(7, 9), (image.values(7, 9) - 4.0F) / 2.0F);
    EXPECT_EQ(view.valid, image.valid);
}

TEST(view_methods, crops_show_their_place) {
    const DetectorImage image = noisy_image(50, 40, false);
    for (const char* text : {"crop:centre:16", "crop:random:16", "crop:fixed:16:20:7", "crop:fixed:16:45:30",
                             "crop:centre:45", "crop:centre:60"}) {
        const View view = make_view(image, parse_view(text), 1.0, 0.0, {3, 8, 1});
        EXPECT_EQ(view.placement.factor, 1.0);
        int inside = 0;
        for (int y = 0; y < view.photons.height; ++y) {
            for (int x = 0; x < view.photons.width; ++x) {
                const int fast = x + static_cast<int>(view.placement.fast_offset_px);
                const int slow = y + static_cast<int>(view.placement.slow_offset_px);
                const bool in = fast >= 0 && slow >= 0 && fast < 50 && slow < 40;
                EXPECT_EQ(view.valid(x, y), in ? 1 : 0) << text;
                if (in) {
                    EXPECT_EQ(view.photons(x, y), image.values(fast, slow)) << text;
                }
                inside += in ? 1 : 0;
            }
        }
        EXPECT_GT(inside, 0);
    }
    const View centre = make_view(image, parse_view("crop:centre:16"), 1.0, 0.0);
    EXPECT_EQ(centre.placement.fast_offset_px, 17.0);
    EXPECT_EQ(centre.placement.slow_offset_px, 12.0);
    EXPECT_THROW(make_view(image, parse_view("crop:fixed:16:50:0"), 1.0, 0.0), UsageError);
}

TEST(view_methods, random_crops_depend_on_their_key_alone_and_reach_every_place) {
    const DetectorImage image = noisy_image(20, 18, false);
    const ViewSpec spec = parse_view("crop:random:16");
    std::vector<int> seen(5 * 3);
    for (std::uint64_t i = 0; i < 400; ++i) {
        const View view = make_view(image, spec, 1.0, 0.0, {7, i, 2});
        EXPECT_EQ(view.photons, make_view(image, spec, 1.0, 0.0, {7, i, 2}).photons);
        ++seen[static_cast<std::size_t>(view.placement.fast_offset_px + 5 * view.placement.slow_offset_px)];
    }
    // 400 draws over 15 places: 26.7 +- 5.
    EXPECT_GT(*std::min_element(seen.begin(), seen.end()), 5);
    EXPECT_LT(*std::max_element(seen.begin(), seen.end()), 55);
    int differ = 0;
    for (std::uint32_t epoch = 0; epoch < 20; ++epoch) {
        const auto place = make_view(image, spec, 1.0, 0.0, {7, 1, epoch}).placement;
        const auto next = make_view(image, spec, 1.0, 0.0, {7, 1, epoch + 1}).placement;
        differ += place.fast_offset_px != next.fast_offset_px || place.slow_offset_px != next.slow_offset_px ? 1 : 0;
    }
    EXPECT_GT(differ, 10);
}

TEST(view_methods, tiles_cover_the_image_and_overlap) {
    const DetectorImage image = noisy_image(100, 70, false);
    for (const auto& [size, overlap_px] : {std::pair{32, 8}, {32, 0}, {33, 32}, {70, 5}, {128, 10}, {100, 0}}) {
        ViewSpec spec;
        spec.framing = Framing::tiles;
        spec.size_px = size;
        spec.tile_overlap_px = overlap_px;
        Image<int> covered(100, 70);
        std::vector<int> corners;
        for (const View& view : make_views(image, spec, 1.0, 0.0)) {
            corners.push_back(static_cast<int>(view.placement.fast_offset_px));
            for (int y = 0; y < size; ++y) {
                for (int x = 0; x < size; ++x) {
                    if (view.valid(x, y) == 0) continue;
                    const int fast = x + static_cast<int>(view.placement.fast_offset_px);
                    const int slow = y + static_cast<int>(view.placement.slow_offset_px);
                    EXPECT_EQ(view.photons(x, y), image.values(fast, slow));
                    ++covered(fast, slow);
                }
            }
        }
        EXPECT_GE(*std::min_element(covered.pixels.begin(), covered.pixels.end()), 1);
        std::sort(corners.begin(), corners.end());
        corners.erase(std::unique(corners.begin(), corners.end()), corners.end());
        for (std::size_t i = 1; i < corners.size(); ++i) {
            EXPECT_LE(corners[i] - corners[i - 1], size - overlap_px);
        }
    }
}

TEST(view_methods, tiles_without_a_valid_pixel_are_left_out) {
    DetectorImage image = noisy_image(64, 64, false);
    for (int y = 0; y < 32; ++y) {
        for (int x = 0; x < 32; ++x) image.valid(x, y) = 0;
    }
    EXPECT_EQ(make_views(image, parse_view("tiles:32:0"), 1.0, 0.0).size(), 3U);
    EXPECT_EQ(make_views(image, parse_view("quadrants:max:16"), 1.0, 0.0).size(), 3U);
    EXPECT_THROW(make_view(image, parse_view("crop:fixed:20:5:5"), 1.0, 0.0), DataError);
    EXPECT_THROW(make_view(image, parse_view("tiles:32:0"), 1.0, 0.0), UsageError);
}

TEST(view_methods, quadrants_are_the_four_corners) {
    const DetectorImage image = noisy_image(65, 50, false);
    const std::vector<View> views = make_views(image, parse_view("quadrants:max:33"), 1.0, 0.0);
    ASSERT_EQ(views.size(), 4U);
    const int corners[4][2] = {{0, 0}, {32, 0}, {0, 25}, {32, 25}};
    for (std::size_t q = 0; q < 4; ++q) {
        EXPECT_EQ(views[q].placement.factor, 1.0);
        for (int slow = 0; slow < 25; ++slow) {
            for (int fast = 0; fast < 33; ++fast) {
                const int x = corners[q][0] + fast - static_cast<int>(views[q].placement.fast_offset_px);
                const int y = corners[q][1] + slow - static_cast<int>(views[q].placement.slow_offset_px);
                EXPECT_EQ(views[q].photons(x, y), image.values(corners[q][0] + fast, corners[q][1] + slow));
            }
        }
    }
}

TEST(view_methods, local_contrast_is_the_deviation_in_units_of_the_boxs_sigma) {
    const DetectorImage image = noisy_image(23, 19, true);
    const Image<float> normalised = local_contrast(image.values, image.valid, 5);
    for (int y = 0; y < 19; ++y) {
        for (int x = 0; x < 23; ++x) {
            double sum = 0;
            double count = 0;
            for (int v = std::max(0, y - 2); v <= std::min(18, y + 2); ++v) {
                for (int u = std::max(0, x - 2); u <= std::min(22, x + 2); ++u) {
                    if (image.valid(u, v) == 0) continue;
                    sum += static_cast<double>(image.values(u, v));
                    ++count;
                }
            }
            const double mean = sum / count;
            double squares = 0;
            for (int v = std::max(0, y - 2); v <= std::min(18, y + 2); ++v) {
                for (int u = std::max(0, x - 2); u <= std::min(22, x + 2); ++u) {
                    const double off = static_cast<double>(image.values(u, v)) - mean;
                    squares += image.valid(u, v) != 0 ? off * off : 0.0;
                }
            }
            const double sigma = std::sqrt(squares / count);
            const double truth =
                image.valid(x, y) != 0 && sigma > 0 ? (static_cast<double>(image.values(x, y)) - mean) / sigma : 0.0;
            EXPECT_NEAR(normalised(x, y), truth, 1e-4);
        }
    }
    // A level and a slope of large numbers leave no rounding noise.
    const Image<float> flat(16, 16, 1.0e6F / 3.0F);
    const Image<std::uint8_t> all(16, 16, 1);
    const Image<float> nothing = local_contrast(flat, all, 5);
    EXPECT_EQ(std::count(nothing.pixels.begin(), nothing.pixels.end(), 0.0F), 256);
}

TEST(view_methods, values_become_what_their_rule_says) {
    DetectorImage image;
    image.values = Image<float>(4, 1);
    image.values.pixels = {-4.0F, 0.0F, 16.0F, 100000.0F};
    image.valid = Image<std::uint8_t>(4, 1, 1);
    const auto values = [&](const char* text) { return make_view(image, parse_view(text), 1.0, 0.0).photons.pixels; };
    EXPECT_EQ(values("native+sqrt"), (std::vector<float>{0, 0, 4, std::sqrt(100000.0F)}));
    EXPECT_EQ(values("native+log"), (std::vector<float>{0, 0, std::log1p(16.0F), std::log1p(100000.0F)}));
    EXPECT_EQ(values("native+8bit"), (std::vector<float>{0, 0, 16, 255}));
    // What resonet does: clip at 255 squared, take the root.
    EXPECT_EQ(values("native+sqrt+8bit"), (std::vector<float>{0, 0, 4, 255}));
    EXPECT_EQ(values("native+8bit:-4:46"), (std::vector<float>{0, 20, 102, 255}));
    EXPECT_EQ(values("native+log+8bit:0:100000"),
              (std::vector<float>{0, 0, std::round(255.0F * std::log1p(16.0F) / std::log1p(100000.0F)), 255}));
    EXPECT_EQ(values("native+percentile:0:100+8bit"), (std::vector<float>{0, 0, 0, 255}));
    image.valid.pixels[3] = 0;
    image.valid.pixels[0] = 0;
    EXPECT_EQ(make_view(image, parse_view("native+percentile:0:100"), 1.0, 0.0).photons(1, 0), 0.0F);
    EXPECT_EQ(make_view(image, parse_view("native+percentile:0:100"), 1.0, 0.0).photons(2, 0), 1.0F);
    // Constant images have no range to stretch.
    image.values.pixels = {5, 5, 5, 5};
    EXPECT_EQ(values("native+percentile"), (std::vector<float>(4, 0.0F)));
}

TEST(view_methods, planted_peaks_are_found_where_the_truth_says_in_every_view) {
    const test::Planted planted = test::plant_peaks(600, 500, 2.0);
    ASSERT_GT(planted.peaks.size(), 60U);
    for (const char* text : {"native",
                             "downsample:max:600",
                             "downsample:max:300",
                             "downsample:max:200",
                             "downsample:mean:300",
                             "downsample:mean:200",
                             "downsample:area:300",
                             "downsample:area:256",
                             "downsample:area:421",
                             "downsample:nearest:300",
                             "downsample:nearest:200",
                             "downsample:bilinear:300",
                             "downsample:bilinear:421",
                             "downsample:bilinear:256",
                             "crop:centre:256",
                             "crop:random:300",
                             "crop:fixed:300:40:57",
                             "tiles:256:64",
                             "tiles:200:0:max",
                             "quadrants:max:200",
                             "quadrants:mean:150",
                             "downsample:bilinear:480+crop:random:360+lcn",
                             "downsample:area:450+tiles:128:32",
                             "native+sqrt",
                             "downsample:max:300+log",
                             "native+percentile:1:100+8bit",
                             "downsample:mean:300+lcn:9"}) {
        const auto views = make_views(planted.image, parse_view(text), 1.0, 0.0, {11, 4, 0});
        int expected = 0;
        for (const View& view : views) {
            const test::Recovery recovery = test::recover(view.photons, view.valid, peaks_in_view(planted.peaks, view));
            expected += recovery.expected;
            EXPECT_EQ(recovery.found, recovery.expected) << text;
            EXPECT_LE(recovery.worst_px, 0.5) << text;
        }
        EXPECT_GT(expected, 10) << text;
    }
}

}  // namespace
}  // namespace braggbench
