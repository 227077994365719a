// Smooth scattering of 512 x 512 pixels on one core; the target of the amorphous one and of smooth rings is 1 ms.
#include <benchmark/benchmark.h>

#include "simulator/render.hpp"

namespace braggbench {
namespace {

Experiment background_scene(int size_px) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.detector = flat_detector(size_px, size_px, 0.172, 200.0, 0.5 * size_px, 0.5 * size_px);
    return experiment;
}

void run(benchmark::State& state, Experiment experiment) {
    double turn = 0.0;
    for (auto _ : state) {
        // A geometry of its own for every image.
        experiment.detector.panels[0].origin_mm.x() += 1e-4 * (turn += 1.0);
        const Rendering rendering = render(experiment);
        benchmark::DoNotOptimize(rendering.expected_photons.pixels.data());
    }
}

void background_water_air(benchmark::State& state) {
    Experiment experiment = background_scene(static_cast<int>(state.range(0)));
    experiment.background = {{"water", 20.0}, {"air", 10000.0}};
    run(state, experiment);
}

void background_sensor(benchmark::State& state) {
    Experiment experiment = background_scene(static_cast<int>(state.range(0)));
    experiment.background = {{"water", 20.0}, {"air", 10000.0}};
    experiment.detector.sensor_thickness_um = 320;
    experiment.detector.sensor_attenuation_length_um = 300;
    run(state, experiment);
}

void ice_smooth(benchmark::State& state, double cubicity, double march) {
    Experiment experiment = background_scene(512);
    IcePhase phase;
    phase.thickness_um = 2;
    phase.cubicity = cubicity;
    phase.march = march;
    experiment.ice.phases = {phase};
    run(state, experiment);
}

void ice_spotty(benchmark::State& state) {
    Experiment experiment = background_scene(512);
    IcePhase phase;
    phase.thickness_um = 2;
    phase.grains = static_cast<double>(state.range(0));
    experiment.ice.phases = {phase};
    run(state, experiment);
}

BENCHMARK(background_water_air)->Arg(256)->Arg(512)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(background_sensor)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ice_smooth, hexagonal, 0.0, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ice_smooth, disordered, 0.5, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ice_smooth, textured, 0.0, 0.6)->Unit(benchmark::kMillisecond);
BENCHMARK(ice_spotty)->Arg(0)->Arg(100)->Arg(1000)->Arg(10000)->Arg(100000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
