// The integrators on case (b) of nanoBragg's timings: 512 x 512 pixels of 0.172 mm at 200 mm, 1.3 A, a P1 cell of
// 118 x 223 x 311 A to 3 A, blocks of 10 x 10 x 10 cells, 0.2 degrees of nanoBragg's mosaicity, a top-hat band of 1 %.
// `judge` is the scalar loop of the tests over nanoBragg's list, `pixels` the vectorised integrator over the same list,
// `spots` the one that folds the distributions in, those or Gaussians of the same rms. Counters: time for a whole
// image, and per pixel and step of it.
#include <benchmark/benchmark.h>

#include <Eigen/Geometry>
#include <cmath>
#include <memory>
#include <utility>

#include "simulator/pixels.hpp"
#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "simulator/structure_factors.hpp"
#include "tests/simulator/list_loop.hpp"
#include "tests/simulator/pixel_loop.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 512;

// Amplitudes of Wilson's distribution with a B factor of 30 A^2.
std::shared_ptr<const StructureFactors> wilson_amplitudes() {
    static const auto factors = [] {
        const UnitCell cell{118, 223, 311, 90, 90, 90};
        constexpr double d_min_A = 3.0;
        const MillerIndex max{39, 74, 103};
        const Eigen::Matrix3d basis = reciprocal_basis(cell);
        RandomStream random(1, 0, Stage::scene);
        std::vector<float> amplitudes;
        for (int h = -max.h; h <= max.h; ++h) {
            for (int k = -max.k; k <= max.k; ++k) {
                for (int l = -max.l; l <= max.l; ++l) {
                    const double s2 = (basis * Eigen::Vector3d(h, k, l)).squaredNorm();
                    const double f = s2 * d_min_A * d_min_A > 1.0
                                         ? 0.0
                                         : 1000.0 * std::sqrt(-std::log(random.uniform())) * std::exp(-30.0 * s2 / 4);
                    amplitudes.push_back(static_cast<float>(f));
                }
            }
        }
        return std::make_shared<const StructureFactors>(cell, "P 1", d_min_A, max, std::move(amplitudes));
    }();
    return factors;
}

Experiment scene_b(BlockShape shape) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.spectrum = Spectrum::top_hat(0.01);
    experiment.beam.polarization = 0.0;
    experiment.detector = flat_detector(size_px, size_px, 0.172, 200.0, 0.5 * size_px, 0.5 * size_px);
    Crystal crystal;
    crystal.structure_factors = wilson_amplitudes();
    crystal.lab_from_crystal = RandomStream(2, 0, Stage::scene).rotation();
    crystal.cells_per_block = Eigen::Vector3d::Constant(10.0);
    crystal.shape = shape;
    crystal.mosaic_law = MosaicLaw::nanobragg_cap;
    crystal.mosaic_spread_rms_deg = Eigen::Vector3d::Constant(0.2 * cap_rms_per_edge);
    experiment.crystals.push_back(crystal);
    return experiment;
}

void count(benchmark::State& state, double pixels, double steps) {
    using benchmark::Counter;
    const auto time_each = Counter::kIsIterationInvariantRate | Counter::kInvert;
    state.counters["per_image"] = Counter(pixels / (size_px * size_px), time_each);
    state.counters["per_pixel_step"] = Counter(pixels * steps, time_each);
}

void run(benchmark::State& state, BlockShape shape, int blocks, int wavelengths) {
    const Experiment experiment = scene_b(shape);
    const PixelSampling sampling = sample(experiment, {.blocks = blocks, .wavelengths = wavelengths});
    for (auto _ : state) benchmark::DoNotOptimize(render_pixels(experiment, sampling));
    count(state, size_px * size_px, blocks * wavelengths);
}

// 32 x 32 pixels, which hold as many reflections as any others: the judge's time does not depend on what is there.
void judge(benchmark::State& state, BlockShape shape) {
    const Experiment experiment = scene_b(shape);
    const PixelSampling sampling = sample(experiment, {.blocks = 100, .wavelengths = 10});
    const PixelRegion region{100, 131, 200, 231};
    for (auto _ : state) benchmark::DoNotOptimize(list_loop(experiment, sampling, region));
    count(state, 32 * 32, 1000);
}

// The judge of `spots`: as many samples a pixel, each drawn anew.
void drawing_judge(benchmark::State& state, BlockShape shape) {
    Experiment experiment = scene_b(shape);
    experiment.detector = flat_detector(32, 32, 0.172, 200.0, 156.0, 56.0);
    for (auto _ : state) benchmark::DoNotOptimize(pixel_loop(experiment, 1000));
    count(state, 32 * 32, 1000);
}

enum class Laws { edged, gaussian };

void spots(benchmark::State& state, BlockShape shape, Laws laws) {
    Experiment experiment = scene_b(shape);
    if (laws == Laws::gaussian) {
        experiment.beam.spectrum = Spectrum::gaussian(0.01 / std::sqrt(12.0));
        experiment.crystals.front().mosaic_law = MosaicLaw::gaussian;
    }
    for (auto _ : state) benchmark::DoNotOptimize(render(experiment));
    count(state, size_px * size_px, 1000);
}

BENCHMARK_CAPTURE(judge, gauss_stock_100x10_roi, BlockShape::gaussian_stock)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(judge, gauss_100x10_roi, BlockShape::gaussian)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(drawing_judge, gauss_1000_roi, BlockShape::gaussian)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spots, gauss_stock, BlockShape::gaussian_stock, Laws::edged)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spots, gauss, BlockShape::gaussian, Laws::edged)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spots, gauss_stock_gaussian_laws, BlockShape::gaussian_stock, Laws::gaussian)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(spots, gauss_gaussian_laws, BlockShape::gaussian, Laws::gaussian)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, gauss_stock_100x10, BlockShape::gaussian_stock, 100, 10)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, gauss_100x10, BlockShape::gaussian, 100, 10)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, square_100x10, BlockShape::square, 100, 10)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, round_100x10, BlockShape::round, 100, 10)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(run, gauss_stock_1x1, BlockShape::gaussian_stock, 1, 1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
