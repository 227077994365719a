#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <thread>

#include "classifiers/memory.hpp"
#include "classifiers/model.hpp"
#include "classifiers/spot_finder.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr int class_count = 5;

torch::Tensor background(std::int64_t count, std::int64_t size_px) {
    torch::manual_seed(1);
    return torch::poisson(torch::full({count, 1, size_px, size_px}, 3.0));
}

void inference(benchmark::State& state) {
    prepare_torch(static_cast<int>(std::thread::hardware_concurrency()));
    const torch::InferenceMode mode;
    const auto network = make_model("compact", {.output_count = class_count, .height_px = 512, .width_px = 512});
    network->eval();
    const auto images = background(state.range(1), state.range(0));
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(network->forward(images));
    state.SetItemsProcessed(state.iterations() * state.range(1));
}
// One image at a time, as they come from a detector, and in batches.
BENCHMARK(inference)
    ->ArgNames({"size_px", "batch"})
    ->Args({256, 1})
    ->Args({256, 16})
    ->Args({512, 1})
    ->Args({512, 4})
    ->Args({512, 16})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// As predict() does: whole images to each thread, a few at once.
void inference_by_thread(benchmark::State& state) {
    prepare_torch(static_cast<int>(std::thread::hardware_concurrency()));
    const auto network = make_model("compact", {.output_count = class_count, .height_px = 512, .width_px = 512});
    network->eval();
    constexpr std::int64_t batches = 8;
    const auto images = background(batches * state.range(1), state.range(0));
    for ([[maybe_unused]] auto iteration : state) {
        at::parallel_for(0, batches, 1, [&](std::int64_t begin, std::int64_t end) {
            const torch::InferenceMode mode;
            for (auto i = begin; i < end; ++i) {
                benchmark::DoNotOptimize(network->forward(images.narrow(0, i * state.range(1), state.range(1))));
            }
        });
    }
    state.SetItemsProcessed(state.iterations() * images.size(0));
}
BENCHMARK(inference_by_thread)
    ->ArgNames({"size_px", "batch"})
    ->Args({512, 1})
    ->Args({512, 4})
    ->Args({512, 16})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void training_step(benchmark::State& state) {
    prepare_torch(static_cast<int>(std::thread::hardware_concurrency()));
    const auto network = make_model("compact", {.output_count = class_count, .height_px = 512, .width_px = 512});
    network->train();
    torch::optim::AdamW optimizer(network->parameters(), torch::optim::AdamWOptions(1e-3));
    const auto images = background(state.range(1), state.range(0));
    const auto labels = torch::randint(class_count, {state.range(1)});
    for ([[maybe_unused]] auto iteration : state) {
        optimizer.zero_grad();
        torch::nn::functional::cross_entropy(network->forward(images), labels).backward();
        optimizer.step();
    }
    state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(training_step)
    ->ArgNames({"size_px", "batch"})
    ->Args({256, 16})
    ->Args({512, 16})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void spot_finding(benchmark::State& state) {
    const auto size_px = static_cast<int>(state.range(0));
    RandomStream random(1, 0, Stage::photon_noise);
    Image<float> image(size_px, size_px);
    for (auto& value : image.pixels) value = static_cast<float>(random.poisson(3.0));
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(find_spots(image, {}));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(spot_finding)->ArgName("size_px")->Arg(256)->Arg(512)->Arg(2048)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
