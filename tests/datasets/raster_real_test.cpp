// The recipe `raster` beside the scan it is made after.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <vector>

#include "datasets/generate.hpp"
#include "datasets/image_file.hpp"
#include "datasets/recipe_toml.hpp"

namespace braggbench {
namespace {

constexpr std::array<double, 11> edges_mm = {10, 20, 30, 40, 60, 80, 100, 130, 160, 200, 250};

// Mean counts of the valid pixels in rings about the beam.
template <class T>
std::vector<double> ring_means(const Image<T>& image, const Image<std::uint8_t>& valid, double fast_px,
                               double slow_px) {
    constexpr double pixel_mm = 0.172;
    std::vector<double> sums(edges_mm.size() - 1);
    std::vector<double> counts(edges_mm.size() - 1);
    for (int slow = 0; slow < image.height; ++slow) {
        for (int fast = 0; fast < image.width; ++fast) {
            if (valid(fast, slow) == 0) continue;
            const double r_mm = pixel_mm * std::hypot(fast + 0.5 - fast_px, slow + 0.5 - slow_px);
            const auto ring = std::ranges::upper_bound(edges_mm, r_mm) - edges_mm.begin() - 1;
            if (ring < 0 || ring >= std::ssize(sums)) continue;
            sums[static_cast<std::size_t>(ring)] += static_cast<double>(image(fast, slow));
            counts[static_cast<std::size_t>(ring)] += 1;
        }
    }
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] /= counts[k];
    return sums;
}

// Off the crystal: the level is among those drawn, and falls outwards as it does there.
TEST(RasterReal, BackgroundIsThatOfTheScan) {
    const std::filesystem::path path = std::filesystem::path(SHARED_DIR) / "real/thau_3_2_0017.cbf.bz2";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent (data beside the repository)";
    const DetectorImage miss = ImageFile(path).read();
    const std::vector<double> real = ring_means(miss.values, miss.valid, *miss.beam_fast_px, *miss.beam_slow_px);
    const std::filesystem::path cache = std::filesystem::temp_directory_path() / "braggbench-raster-real";
    setenv("BRAGGBENCH_CACHE", cache.c_str(), 1);
    const RecipeSource source(load_recipe("raster", {"crystal.d_min_A=12"}));
    std::vector<double> levels;
    std::vector<std::vector<double>> shapes(real.size());
    for (std::int64_t scan = 0; scan < 9; ++scan) {
        const CorpusRecord record = source.record(scan * images_per_group(source.recipe()));  // a corner
        if (record.class_index != 0) continue;
        const std::vector<double> ours =
            ring_means(record.image, active_pixels(source.experiment(scan).detector),
                       static_cast<double>(record.truth.beam_fast_px), static_cast<double>(record.truth.beam_slow_px));
        levels.push_back(ours[0]);
        for (std::size_t k = 0; k < ours.size(); ++k) shapes[k].push_back(ours[k] / ours[0]);
    }
    std::filesystem::remove_all(cache);
    ASSERT_GE(levels.size(), 5U);
    EXPECT_GT(real[0], std::ranges::min(levels));
    EXPECT_LT(real[0], std::ranges::max(levels));
    for (std::size_t k = 1; k < real.size(); ++k) {
        std::ranges::sort(shapes[k]);
        EXPECT_NEAR(real[k] / real[0], shapes[k][shapes[k].size() / 2], 0.12) << edges_mm[k] << " mm";
    }
}

}  // namespace
}  // namespace braggbench
