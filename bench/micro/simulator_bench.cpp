// Expected photons and detector response on one core. The crystals are flat in |F| so that nothing but geometry counts.
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "simulator/response.hpp"
#include "simulator/spots.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

std::shared_ptr<const StructureFactors> flat_factors(const UnitCell& cell, double d_min_A) {
    const auto limit = [&](double edge_A) { return static_cast<int>(edge_A / d_min_A); };
    const MillerIndex max{limit(cell.a_A), limit(cell.b_A), limit(cell.c_A)};
    const auto count = static_cast<std::size_t>(2 * max.h + 1) * static_cast<std::size_t>(2 * max.k + 1) *
                       static_cast<std::size_t>(2 * max.l + 1);
    return std::make_shared<const StructureFactors>(cell, "P 1", d_min_A, max, std::vector<float>(count, 300.0F));
}

// Case (b) of the reference table: 1.3 A, 0.172 mm pixels at 200 mm, PS-II-like cell.
Experiment scene(int size_px) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.detector = flat_detector(size_px, size_px, 0.172, 200.0, 0.5 * size_px, 0.5 * size_px);
    experiment.background = {{"water", 20.0}, {"air", 10000.0}};
    return experiment;
}

void add_crystal(Experiment& experiment, const UnitCell& cell, double cells, double mosaic_deg) {
    Crystal crystal;
    crystal.structure_factors = flat_factors(cell, 3.0);
    crystal.lab_from_crystal = RandomStream(7, 0, Stage::scene).rotation();
    crystal.cells_per_block.setConstant(cells);
    crystal.mosaic_spread_rms_deg.setConstant(mosaic_deg);
    experiment.crystals.push_back(crystal);
}

const UnitCell photosystem2{118, 223, 311, 90, 90, 90};
const UnitCell photosystem1{281, 281, 165, 90, 90, 120};

void report(benchmark::State& state, const Experiment& experiment) {
    std::size_t peaks = 0;
    for (auto _ : state) {
        const Rendering rendering = render(experiment);
        peaks = rendering.peaks.size();
        benchmark::DoNotOptimize(rendering.expected_photons.pixels.data());
    }
    state.counters["peaks"] = static_cast<double>(peaks);
}

void background(benchmark::State& state) { report(state, scene(static_cast<int>(state.range(0)))); }

enum class Smear { gaussian, exact };

// Case (b) of the reference table: mosaic blocks in 0.2 degrees, 1 % bandwidth; as Gaussians of the same rms, or the
// cap and the top hat themselves.
Experiment case_b(int size_px, double distance_mm, Smear smear) {
    Experiment experiment = scene(size_px);
    const int height_px = size_px == 2463 ? 2527 : size_px;
    experiment.detector = flat_detector(size_px, height_px, 0.172, distance_mm, 0.5 * size_px, 0.5 * height_px);
    experiment.background.clear();
    constexpr double edge_deg = 0.2;
    constexpr double band = 0.01;
    add_crystal(experiment, photosystem2, 10, edge_deg * cap_rms_per_edge);
    if (smear == Smear::exact) {
        experiment.beam.spectrum = Spectrum::top_hat(band);
        experiment.crystals[0].mosaic_law = MosaicLaw::nanobragg_cap;
    } else {
        experiment.beam.spectrum = Spectrum::gaussian(band / std::sqrt(12.0));
    }
    return experiment;
}

void spots_case_b(benchmark::State& state) {
    const auto size_px = static_cast<int>(state.range(0));
    const Experiment experiment =
        case_b(size_px, size_px == 2463 ? 450.0 : 200.0, state.range(1) == 0 ? Smear::gaussian : Smear::exact);
    Image<float> image(experiment.detector.image_width_px, experiment.detector.image_height_px);
    std::vector<Peak> peaks;
    for (auto _ : state) {
        peaks.clear();
        add_spots(experiment, image, peaks);
        benchmark::DoNotOptimize(image.pixels.data());
    }
    state.counters["peaks"] = static_cast<double>(peaks.size());
}

// The same with another distance, beam centre and wavelength for every image.
void spots_case_b_moving(benchmark::State& state) {
    Experiment experiment = case_b(512, 200.0, state.range(0) == 0 ? Smear::gaussian : Smear::exact);
    Image<float> image(512, 512);
    std::vector<Peak> peaks;
    int number = 0;
    for (auto _ : state) {
        const double shift = 0.01 * (number++ % 16);
        experiment.beam.wavelength_A = 1.3 + 0.001 * shift;
        experiment.detector = flat_detector(512, 512, 0.172, 200.0 + shift, 256.0 + shift, 256.0 - shift);
        peaks.clear();
        add_spots(experiment, image, peaks);
        benchmark::DoNotOptimize(image.pixels.data());
    }
}

// The reference's 0.2 degree cap and 1 % top hat have rms 0.1 degree and 0.29 %.
void photosystem2_mosaic_band(benchmark::State& state) {
    Experiment experiment = scene(static_cast<int>(state.range(0)));
    experiment.beam.spectrum = Spectrum::gaussian(0.0029);
    add_crystal(experiment, photosystem2, 10, 0.1);
    report(state, experiment);
}

void photosystem2_plain(benchmark::State& state) {
    Experiment experiment = scene(static_cast<int>(state.range(0)));
    add_crystal(experiment, photosystem2, 10, 0.0);
    report(state, experiment);
}

void photosystem1_mosaic(benchmark::State& state) {
    Experiment experiment = scene(static_cast<int>(state.range(0)));
    add_crystal(experiment, photosystem1, 20, static_cast<double>(state.range(1)) * 0.1);
    report(state, experiment);
}

void response(benchmark::State& state) {
    const Image<float> photons = render(scene(static_cast<int>(state.range(0)))).expected_photons;
    DetectorResponse detector;
    detector.read_noise_rms_adu = static_cast<double>(state.range(1));
    std::uint64_t image = 0;
    for (auto _ : state) {
        const auto counts = detect(photons, detector, 1, image++);
        benchmark::DoNotOptimize(counts.pixels.data());
    }
    double mean = 0;
    for (const float value : photons.pixels) mean += static_cast<double>(value);
    state.counters["photons_per_px"] = mean / static_cast<double>(photons.size());
}

BENCHMARK(spots_case_b)
    ->ArgNames({"px", "exact"})
    ->Args({512, 0})
    ->Args({512, 1})
    ->Args({2463, 0})
    ->Args({2463, 1})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(spots_case_b_moving)->ArgName("exact")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(background)->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK(photosystem2_plain)->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK(photosystem2_mosaic_band)->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK(photosystem1_mosaic)
    ->ArgNames({"px", "mosaic_0.1deg"})
    ->Args({256, 1})
    ->Args({512, 1})
    ->Args({512, 3})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(response)
    ->ArgNames({"px", "read_noise"})
    ->Args({256, 0})
    ->Args({512, 0})
    ->Args({512, 3})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
