// Expected photons and detector response on one core. The crystals are flat in |F| so that nothing but geometry counts.
#include <benchmark/benchmark.h>

#include <memory>
#include <utility>
#include <vector>

#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "simulator/response.hpp"
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
