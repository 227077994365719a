// Features and distances of the classical models on one 512 x 512 image of a diffraction-like background with spots, or
// of noise over all 256 levels, where co-occurrence tables are largest.
#include <benchmark/benchmark.h>

#include <array>
#include <cmath>

#include "classifiers/classical/glcm.hpp"
#include "classifiers/classical/templates.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr int side_px = 512;

Image<std::uint16_t> make_counts() {
    Image<std::uint16_t> image(side_px, side_px);
    RandomStream random(1, 0, Stage::photon_noise);
    for (int y = 0; y < side_px; ++y) {
        for (int x = 0; x < side_px; ++x) {
            const double r = std::hypot(x - 0.5 * side_px, y - 0.5 * side_px) / side_px;
            image(x, y) = static_cast<std::uint16_t>(random.poisson(2.0 + 8.0 * std::exp(-3.0 * r)));
        }
    }
    for (int spot = 0; spot < 50; ++spot) {
        image(static_cast<int>(random.uniform(0, side_px)), static_cast<int>(random.uniform(0, side_px))) += 1000;
    }
    return image;
}

Image<std::uint8_t> make_noise() {
    Image<std::uint8_t> image(side_px, side_px);
    RandomStream random(1, 0, Stage::photon_noise);
    for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(random.bits() & 255U);
    return image;
}

void glcm_eight_offsets(benchmark::State& state) {
    const auto grey = state.range(0) == 0 ? grey_image(make_counts(), grey_levels(1.0, 0.0)) : make_noise();
    const auto offsets = glcm_offsets(std::array{1, 2, 5, 8}, std::array{90.0, 135.0});
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(glcm_properties(grey, offsets));
}

void grey_of_counts(benchmark::State& state) {
    const auto counts = make_counts();
    const auto levels = grey_levels(1.0, 0.0);
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(grey_image(counts, levels));
}

// An image's share of a block of 64: args are templates of all classes before turning, and the edge of the square.
void nearest_of_templates(benchmark::State& state) {
    const auto size = static_cast<int>(state.range(1));
    constexpr Eigen::Index block = 64;
    const FeatureTable templates = FeatureTable::Random(state.range(0), Eigen::Index{size} * size);
    const auto turned = rotated_templates(templates, size);
    const std::vector<int> classes(static_cast<std::size_t>(turned.rows()), 0);
    const FeatureTable images = FeatureTable::Random(block, turned.cols());
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(nearest_templates(images, turned, classes, 1));
    }
    state.SetItemsProcessed(state.iterations() * block);
}

// The same image by image and template by template, as the published script does it.
void nearest_by_loops(benchmark::State& state) {
    const auto size = static_cast<int>(state.range(1));
    const FeatureTable templates = FeatureTable::Random(state.range(0), Eigen::Index{size} * size);
    const auto turned = rotated_templates(templates, size);
    const FeatureTable image = FeatureTable::Random(1, turned.cols());
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize((turned.rowwise() - image.row(0)).rowwise().norm().minCoeff());
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(glcm_eight_offsets)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(grey_of_counts)->Unit(benchmark::kMillisecond);
BENCHMARK(nearest_of_templates)->Args({100, 64})->Args({100, 128})->Args({25, 64})->Unit(benchmark::kMillisecond);
BENCHMARK(nearest_by_loops)->Args({100, 64})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
