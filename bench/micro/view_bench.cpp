// What a model's input costs: a detector image downsampled, cut and rescaled.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "datasets/augmentation.hpp"
#include "datasets/view.hpp"

namespace braggbench {
namespace {

Image<std::uint16_t> noisy_image(int size_px) {
    Image<std::uint16_t> image(size_px, size_px);
    std::mt19937 random(1);
    for (auto& value : image.pixels) value = static_cast<std::uint16_t>(random() % 50);
    return image;
}

void views(benchmark::State& state, const std::string& text) {
    const ViewSpec spec = parse_view(text);
    const auto image = noisy_image(static_cast<int>(state.range(0)));
    for (auto _ : state) benchmark::DoNotOptimize(make_views(image, spec, 1.7, 3.1));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(views, max, "downsample:max:256")->Arg(512)->Arg(2048)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(views, mean, "downsample:mean:256")->Arg(512)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(views, area, "downsample:area:200")->Arg(512)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(views, bilinear, "downsample:bilinear:256")->Arg(512)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(views, tiles, "tiles:256:64")->Arg(512)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(views, lcn, "downsample:max:256+lcn")->Arg(512)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(views, sqrt_8bit, "downsample:max:256+sqrt+8bit")->Arg(512)->Unit(benchmark::kMicrosecond);

// As files are classified: masked, in floating point.
void masked_view(benchmark::State& state) {
    const auto size_px = static_cast<int>(state.range(0));
    const auto values = noisy_image(size_px);
    DetectorImage image;
    image.values = Image<float>(size_px, size_px);
    std::copy(values.pixels.begin(), values.pixels.end(), image.values.pixels.begin());
    image.valid = Image<std::uint8_t>(size_px, size_px, 1);
    for (int fast = 0; fast < size_px; ++fast) image.valid(fast, size_px / 3) = 0;
    const ViewSpec spec;
    for (auto _ : state) benchmark::DoNotOptimize(make_view(image, spec, 1.7, 3.1));
}
BENCHMARK(masked_view)->Arg(512)->Arg(2048)->Unit(benchmark::kMicrosecond);

void augmentation(benchmark::State& state) {
    const View view = make_view(noisy_image(256), parse_view("native"), 1.0, 0.0);
    Augmentation ranges;
    ranges.rotation_deg = {-180.0, 180.0};
    ranges.exposure = {0.3, 1.0};
    std::uint64_t index = 0;
    for (auto _ : state) benchmark::DoNotOptimize(augment(view, {}, ranges, {1, index++, 0}));
}
BENCHMARK(augmentation)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
