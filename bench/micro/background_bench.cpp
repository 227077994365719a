// Smooth scattering of 512 x 512 pixels on one core; the target of the amorphous one and of smooth rings is 1 ms.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "simulator/render.hpp"

namespace braggbench {
namespace {

Experiment background_scene(int size_px, double distance_mm = 200.0) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.detector = flat_detector(size_px, size_px, 0.172, distance_mm, 0.5 * size_px, 0.5 * size_px);
    return experiment;
}

// Into an image that is there already: a new one costs the system's page faults as well, which render_512 shows.
void run(benchmark::State& state, Experiment experiment) {
    Image<float> image(experiment.detector.image_width_px, experiment.detector.image_height_px);
    std::vector<Peak> peaks;
    double step = 1e-4;
    for (auto _ : state) {
        // A geometry of its own for every image.
        experiment.detector.panels[0].origin_mm.x() += step;
        step = -step;
        std::ranges::fill(image.pixels, 0.0F);
        peaks.clear();
        add_background(experiment, image);
        add_ice_grains(experiment, image, peaks);
        benchmark::DoNotOptimize(image.pixels.data());
    }
    state.counters["peaks"] = static_cast<double>(peaks.size());
}

void render_512(benchmark::State& state) {
    Experiment experiment = background_scene(512);
    experiment.background = {{"water", 20.0}, {"air", 10000.0}};
    for (auto _ : state) benchmark::DoNotOptimize(render(experiment).expected_photons.pixels.data());
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
    // Ice's rings down to 2.2 A fit whole.
    Experiment experiment = background_scene(512, 60.0);
    IcePhase phase;
    phase.thickness_um = 2;
    phase.cubicity = cubicity;
    phase.march = march;
    experiment.ice.phases = {phase};
    run(state, experiment);
}

void ice_spotty(benchmark::State& state) {
    Experiment experiment = background_scene(512, 60.0);
    IcePhase phase;
    phase.thickness_um = 2;
    phase.grains = static_cast<double>(state.range(0));
    experiment.ice.phases = {phase};
    run(state, experiment);
}

BENCHMARK(background_water_air)->Arg(256)->Arg(512)->Arg(2048)->Unit(benchmark::kMillisecond);
BENCHMARK(render_512)->Unit(benchmark::kMillisecond);
BENCHMARK(background_sensor)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ice_smooth, hexagonal, 0.0, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ice_smooth, disordered, 0.5, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ice_smooth, textured, 0.0, 0.6)->Unit(benchmark::kMillisecond);
BENCHMARK(ice_spotty)->Arg(0)->Arg(100)->Arg(1000)->Arg(10000)->Arg(100000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
