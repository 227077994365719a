#include <benchmark/benchmark.h>

#include <vector>

#include "classifiers/model.hpp"
#include "explain/attribution.hpp"
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

// Grad-CAM and HiResCAM at every stage of a batch of eight.
void attribute_benchmark(benchmark::State& state) {
    const int size_px = static_cast<int>(state.range(0));
    const auto model = make_model("compact", {.output_count = 5, .height_px = 512, .width_px = 512});
    model->eval();
    std::vector<Image<float>> photons;
    std::vector<int> classes;
    for (std::uint64_t image = 0; image < 8; ++image) {
        photons.push_back(random_pixel_map(size_px, size_px, 1, image));
        classes.push_back(static_cast<int>(image % 5));
    }
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(attribute(*model, photons, classes));
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(photons.size()));
}
BENCHMARK(attribute_benchmark)->Name("attribute")->Arg(256)->Arg(512)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace braggbench
