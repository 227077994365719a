#include <benchmark/benchmark.h>

#include <vector>

#include "explain/localisation.hpp"
#include "explain/map_baselines.hpp"
#include "explain/peak_bands.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr double radii_px[] = {2.0, 0.0, 4.0};
constexpr int nulls = 20;

std::vector<Peak> random_peaks(int size_px, int count, std::uint64_t image) {
    RandomStream random(1, image, Stage::scene);
    std::vector<Peak> peaks(static_cast<std::size_t>(count));
    for (Peak& peak : peaks) {
        peak.visible = true;
        peak.fast_px = static_cast<float>(random.uniform(0.0, size_px));
        peak.slow_px = static_cast<float>(random.uniform(0.0, size_px));
        peak.snr = static_cast<float>(random.log_uniform(5.0, 300.0));
        peak.d_A = static_cast<float>(random.log_uniform(2.0, 30.0));
    }
    return peaks;
}

TargetSet targets(const std::vector<std::vector<Peak>>& peaks, int size_px, double radius_px) {
    TargetSet set{make_targets(peaks.front(), size_px, size_px, radius_px), {}};
    for (std::size_t j = 1; j < peaks.size(); ++j) {
        set.nulls.push_back(make_targets(peaks[j], size_px, size_px, radius_px));
    }
    return set;
}

std::vector<std::vector<Peak>> scene(benchmark::State& state, int size_px) {
    std::vector<std::vector<Peak>> peaks;
    for (std::uint64_t image = 0; image <= nulls; ++image) {
        peaks.push_back(random_peaks(size_px, static_cast<int>(state.range(1)), image));
    }
    return peaks;
}

// One map, 20 nulls: all scores at r = 2 px.
void score_map_benchmark(benchmark::State& state) {
    const int size_px = static_cast<int>(state.range(0));
    const Image<float> map = random_pixel_map(size_px, size_px, 1, 0);
    const Mask valid(size_px, size_px, 1);
    const TargetSet set = targets(scene(state, size_px), size_px, radii_px[0]);
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(score_map(map, valid, set.truth, set.nulls, {}));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(score_map_benchmark)
    ->Name("score_map")
    ->Args({256, 200})
    ->Args({512, 200})
    ->Args({512, 2000})
    ->Unit(benchmark::kMillisecond);

// The same at three radii, and in every band of signal-to-noise and shell of resolution.
void score_map_in_parts_benchmark(benchmark::State& state) {
    const int size_px = static_cast<int>(state.range(0));
    const Image<float> map = random_pixel_map(size_px, size_px, 1, 0);
    const Mask valid(size_px, size_px, 1);
    const std::vector<std::vector<Peak>> peaks = scene(state, size_px);
    std::vector<TargetSet> at_radius;
    for (const double radius_px : radii_px) {
        at_radius.push_back(targets(peaks, size_px, radius_px));
    }
    std::vector<TargetSet> in_bands;
    for (const PeakBand& band : peak_bands) {
        std::vector<std::vector<Peak>> kept;
        for (const std::vector<Peak>& some : peaks) {
            kept.push_back(in_band(some, band));
        }
        in_bands.push_back(targets(kept, size_px, radii_px[0]));
    }
    for ([[maybe_unused]] auto iteration : state) {
        const RankedMap ranked(map, valid);
        for (const TargetSet& set : at_radius) {
            benchmark::DoNotOptimize(score_map(ranked, set.truth, set.nulls, {}));
        }
        for (const TargetSet& set : in_bands) {
            benchmark::DoNotOptimize(score_some_peaks(ranked, set.truth, set.nulls, {}));
        }
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(score_map_in_parts_benchmark)
    ->Name("score_map_in_parts")
    ->Args({512, 200})
    ->Args({512, 2000})
    ->Unit(benchmark::kMillisecond);

// One image's discs: truth and 20 nulls.
void make_targets_benchmark(benchmark::State& state) {
    const int size_px = static_cast<int>(state.range(0));
    const std::vector<std::vector<Peak>> peaks = scene(state, size_px);
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(targets(peaks, size_px, radii_px[0]));
    }
}
BENCHMARK(make_targets_benchmark)->Name("make_targets")->Args({512, 200})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
