#include <benchmark/benchmark.h>

#include <vector>

#include "classifiers/model.hpp"
#include "explain/attribution.hpp"
#include "explain/map_baselines.hpp"

namespace braggbench {
namespace {

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
