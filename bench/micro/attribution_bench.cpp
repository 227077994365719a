#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <vector>

#include "classifiers/memory.hpp"
#include "classifiers/model.hpp"
#include "explain/attribution.hpp"
#include "explain/map_baselines.hpp"

namespace braggbench {
namespace {

constexpr int size_px = 512;

struct Work {
    std::shared_ptr<Classifier> model;
    std::vector<Image<float>> photons;
    std::vector<int> outputs;
};

Work eight_images(const std::string& name) {
    prepare_memory();
    Work work{make_model(name, {.output_count = 5, .height_px = size_px, .width_px = size_px}), {}, {}};
    work.model->eval();
    for (std::uint64_t image = 0; image < 8; ++image) {
        work.photons.push_back(random_pixel_map(size_px, size_px, 1, image));
        work.outputs.push_back(static_cast<int>(image % 5));
    }
    return work;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Grad-CAM and HiResCAM of all stages of a batch of eight, beside one forward and one backward pass of the same batch,
// turn by turn: "ratio" is that of the fastest of each. The backward pass is that of training (gradients of all
// parameters) or, at the most demanding, that to the first stage alone.
void attribute_ratio(benchmark::State& state, const std::string& name, bool to_parameters) {
    const Work work = eight_images(name);
    auto batch = torch::empty({8, 1, size_px, size_px});
    for (std::int64_t i = 0; i < 8; ++i) {
        const Image<float>& image = work.photons[static_cast<std::size_t>(i)];
        std::copy(image.pixels.begin(), image.pixels.end(), batch[i].data_ptr<float>());
    }
    double fastest_maps = std::numeric_limits<double>::max();
    double fastest_passes = fastest_maps;
    for ([[maybe_unused]] auto iteration : state) {
        double start = cpu_seconds();
        benchmark::DoNotOptimize(attribute(*work.model, work.photons, work.outputs));
        fastest_maps = std::min(fastest_maps, cpu_seconds() - start);
        start = cpu_seconds();
        const Trace trace = work.model->trace(batch);
        const auto sources =
            to_parameters ? work.model->parameters() : std::vector<torch::Tensor>{trace.stages.front().activation};
        benchmark::DoNotOptimize(
            torch::autograd::grad({trace.logits.select(1, 0).sum()}, sources, {}, false, false, true));
        fastest_passes = std::min(fastest_passes, cpu_seconds() - start);
    }
    state.counters["ratio"] = fastest_maps / fastest_passes;
    state.counters["maps_ms_per_image"] = fastest_maps * 1e3 / 8.0;
}
BENCHMARK_CAPTURE(attribute_ratio, compact_training, "compact", true)->Unit(benchmark::kMillisecond)->Iterations(8);
BENCHMARK_CAPTURE(attribute_ratio, compact_first_stage, "compact", false)->Unit(benchmark::kMillisecond)->Iterations(8);
BENCHMARK_CAPTURE(attribute_ratio, resnet18_training, "resnet18", true)->Unit(benchmark::kMillisecond)->Iterations(2);

}  // namespace
}  // namespace braggbench
