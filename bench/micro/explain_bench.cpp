#include <benchmark/benchmark.h>

#include <vector>

#include "explain/localisation.hpp"
#include "explain/map_baselines.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

PeakTargets random_targets(int size_px, std::uint64_t image) {
    constexpr int peak_count = 200;
    RandomStream random(1, image, Stage::scene);
    std::vector<Peak> peaks(peak_count);
    for (Peak& peak : peaks) {
        peak.visible = true;
        peak.fast_px = static_cast<float>(random.uniform(0.0, size_px));
        peak.slow_px = static_cast<float>(random.uniform(0.0, size_px));
    }
    return make_targets(peaks, size_px, size_px, 2.0);
}

// One map, 200 peaks, 20 nulls.
void score_map_benchmark(benchmark::State& state) {
    const int size_px = static_cast<int>(state.range(0));
    const Image<float> map = random_pixel_map(size_px, size_px, 1, 0);
    const Mask valid(size_px, size_px, 1);
    const PeakTargets truth = random_targets(size_px, 0);
    std::vector<PeakTargets> nulls;
    for (std::uint64_t image = 1; image <= 20; ++image) {
        nulls.push_back(random_targets(size_px, image));
    }
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(score_map(map, valid, truth, nulls, {}));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(score_map_benchmark)->Name("score_map")->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
