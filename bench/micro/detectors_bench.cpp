// What many panels and beam stops cost a frame: one lattice and water on detectors of one size in 1, 16, 64 and 256
// panels, the checks of a geometry, shading, and a geometry file.
#include <benchmark/benchmark.h>

#include <Eigen/Geometry>
#include <filesystem>
#include <utility>

#include "simulator/crystfel_geometry.hpp"
#include "simulator/detector_presets.hpp"
#include "simulator/occluders.hpp"
#include "simulator/render.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 1024;

// A square detector cut into n x n panels without gaps.
Detector tiles(int n) {
    const Panel whole = flat_detector(size_px, size_px, 0.15, 150.0, 0.5 * size_px, 0.5 * size_px).panels.front();
    Detector detector;
    detector.image_width_px = size_px;
    detector.image_height_px = size_px;
    for (int row = 0; row < n; ++row) {
        for (int column = 0; column < n; ++column) {
            Panel panel = whole;
            panel.width_px = size_px / n;
            panel.height_px = size_px / n;
            panel.image_fast_px = column * panel.width_px;
            panel.image_slow_px = row * panel.height_px;
            panel.origin_mm +=
                whole.pixel_size_mm * (panel.image_fast_px * whole.fast_axis + panel.image_slow_px * whole.slow_axis);
            detector.panels.push_back(panel);
        }
    }
    return detector;
}

Experiment shot(Detector detector) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.spectrum = Spectrum::gaussian(0.002);
    experiment.detector = std::move(detector);
    Crystal crystal;
    static const auto factors =
        std::make_shared<const StructureFactors>(structure_factors_from_builtin("photosystem-1", 3.0));
    crystal.structure_factors = factors;
    crystal.lab_from_crystal = Eigen::AngleAxisd(0.7, Eigen::Vector3d(0.3, 0.5, 0.8).normalized()).toRotationMatrix();
    crystal.cells_per_block.setConstant(20);
    crystal.mosaic_spread_rms_deg.setConstant(0.05);
    experiment.crystals.push_back(crystal);
    experiment.background = {{"water", 5.0}};
    return experiment;
}

void RenderTiles(benchmark::State& state) {
    const Experiment experiment = shot(tiles(static_cast<int>(state.range(0))));
    for (auto _ : state) benchmark::DoNotOptimize(render(experiment));
    state.counters["panels"] = static_cast<double>(experiment.detector.panels.size());
}
BENCHMARK(RenderTiles)->Arg(1)->Arg(4)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);

void BackgroundTiles(benchmark::State& state) {
    const Experiment experiment = shot(tiles(static_cast<int>(state.range(0))));
    for (auto _ : state) benchmark::DoNotOptimize(render_background(experiment));
}
BENCHMARK(BackgroundTiles)->Arg(1)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);

void Validate(benchmark::State& state) {
    const Experiment experiment = shot(tiles(static_cast<int>(state.range(0))));
    for (auto _ : state) validate(experiment);
}
BENCHMARK(Validate)->Arg(1)->Arg(8)->Arg(16)->Unit(benchmark::kMicrosecond);

// A stop of 5 mm on its arm before a frame of 512 x 512.
void ShadeStopAndArm(benchmark::State& state) {
    Experiment experiment;
    experiment.detector = flat_detector(512, 512, 0.172, 150.0, 256, 256);
    experiment.occluders = {circular_stop({0, 0}, 5.0, 140.0, 0.2), linear_stop({0, 0}, {-60, 0}, 1.0, 140.0, 0.2)};
    Image<float> image(512, 512, 1.0F);
    for (auto _ : state) {
        shade(experiment, image);
        benchmark::ClobberMemory();
    }
}
BENCHMARK(ShadeStopAndArm)->Unit(benchmark::kMicrosecond);

void ShadeAQuarterOfTheFrame(benchmark::State& state) {
    Experiment experiment;
    experiment.detector = flat_detector(512, 512, 0.172, 150.0, 256, 256);
    experiment.occluders = {{{{0, 0}, {80, 0}, {80, 80}, {0, 80}}, 0.0, 150.0, 0.0, 1.0}};
    Image<float> image(512, 512, 1.0F);
    for (auto _ : state) {
        shade(experiment, image);
        benchmark::ClobberMemory();
    }
}
BENCHMARK(ShadeAQuarterOfTheFrame)->Unit(benchmark::kMicrosecond);

void ReadAgipdGeometry(benchmark::State& state) {
    const std::filesystem::path path = std::filesystem::temp_directory_path() / "braggbench_agipd_bench.geom";
    write_crystfel_geometry(path, crystfel_geometry(detector_preset("agipd-1m", {}).detector, 9000, 1));
    for (auto _ : state) benchmark::DoNotOptimize(read_crystfel_geometry(path));
    std::filesystem::remove(path);
}
BENCHMARK(ReadAgipdGeometry)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
