// Whole images as `braggbench generate diffranet` makes them, on one thread: processor milliseconds of an image,
// averaged over the first 200 of the corpus, whose classes are mixed as in all of it.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <numeric>
#include <utility>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/generate.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/background.hpp"
#include "simulator/response.hpp"
#include "simulator/spots.hpp"

namespace braggbench {
namespace {

const RecipeSource& corpus() {
    static const RecipeSource made(load_recipe("diffranet"));
    return made;
}

// The first 200 images, of one class or (-1) of all as they are mixed.
std::vector<std::int64_t> first_images(int class_index) {
    constexpr std::size_t most = 200;
    std::vector<std::int64_t> images;
    for (std::size_t i = 0; images.size() < most; ++i) {
        const bool wanted = class_index < 0 || corpus().assignments()[i].class_index == class_index;
        if (wanted) images.push_back(static_cast<std::int64_t>(i));
    }
    return images;
}

double thread_ms() {
    std::timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// range(0): the class, or -1 for the corpus's mix; range(1): whether the image is compressed too.
void records(benchmark::State& state) {
    const std::vector<std::int64_t> images = first_images(static_cast<int>(state.range(0)));
    double total_ms = 0.0;
    std::vector<double> least_ms(images.size(), 1e300);
    for (auto _ : state) {
        for (std::size_t i = 0; i < images.size(); ++i) {
            const double start = thread_ms();
            CorpusRecord record = corpus().record(images[i]);
            if (state.range(1) == 0) {
                benchmark::DoNotOptimize(record.image.pixels.data());
            } else {
                benchmark::DoNotOptimize(encode(std::move(record)).chunk.data());
            }
            const double ms = thread_ms() - start;
            total_ms += ms;
            least_ms[i] = std::min(least_ms[i], ms);
        }
    }
    const auto count = static_cast<double>(images.size());
    state.counters["mean_ms"] = total_ms / (static_cast<double>(state.iterations()) * count);
    state.counters["least_ms"] = std::accumulate(least_ms.begin(), least_ms.end(), 0.0) / count;
}

// The first twelve images of a recipe whose images take long, without compression.
void slow_recipe(benchmark::State& state, const char* name) {
    const RecipeSource source(load_recipe(name));
    std::array<double, 12> least_ms{};
    least_ms.fill(1e300);
    for (auto _ : state) {
        for (std::size_t i = 0; i < least_ms.size(); ++i) {
            const double start = thread_ms();
            benchmark::DoNotOptimize(source.record(static_cast<std::int64_t>(i)).image.pixels.data());
            least_ms[i] = std::min(least_ms[i], thread_ms() - start);
        }
    }
    state.counters["least_ms"] = std::accumulate(least_ms.begin(), least_ms.end(), 0.0) / least_ms.size();
}

// Where the time goes, in ms of an image: the stages of RecipeSource::record() one after the other, and encode().
void stages(benchmark::State& state) {
    const std::vector<std::int64_t> images = first_images(-1);
    const Recipe& recipe = corpus().recipe();
    enum Stage : std::size_t { scene, allocate, background, spots, noise, encode_it, count };
    std::array<double, count> total_ms{};
    std::size_t listed_peaks = 0;
    for (auto _ : state) {
        for (const std::int64_t i : images) {
            double last = thread_ms();
            const auto add = [&](std::size_t which) {
                const double now = thread_ms();
                total_ms[which] += now - last;
                last = now;
            };
            const Experiment experiment = corpus().experiment(i);
            add(scene);
            Image<float> image(recipe.width_px, recipe.height_px);
            add(allocate);
            add_background(experiment, image);
            add(background);
            CorpusRecord record;
            add_spots(experiment, image, record.peaks);
            add(spots);
            listed_peaks += record.peaks.size();
            record.image = detect(image, experiment.response, recipe.seed, static_cast<std::uint64_t>(i));
            add(noise);
            benchmark::DoNotOptimize(encode(std::move(record)).chunk.data());
            add(encode_it);
        }
    }
    const double count_of_images = static_cast<double>(state.iterations()) * static_cast<double>(images.size());
    constexpr std::array names = {"scene", "allocate", "background", "spots", "noise", "encode"};
    for (std::size_t i = 0; i < count; ++i) state.counters[names[i]] = total_ms[i] / count_of_images;
    state.counters["peaks"] = static_cast<double>(listed_peaks) / count_of_images;
}

BENCHMARK(records)
    ->Name("generate/diffranet")
    ->ArgNames({"class", "encode"})
    ->Args({-1, 0})
    ->Args({-1, 1})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({3, 0})
    ->Args({4, 0})
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(slow_recipe, hollatz, "hollatz")->Name("generate/hollatz")->Iterations(3);
BENCHMARK_CAPTURE(slow_recipe, ln84, "ln84")->Name("generate/ln84")->Iterations(3);
BENCHMARK_CAPTURE(slow_recipe, xfel_cspad, "xfel-cspad")->Name("generate/xfel-cspad")->Iterations(3);
BENCHMARK_CAPTURE(slow_recipe, xfel_rayonix, "xfel-rayonix")->Name("generate/xfel-rayonix")->Iterations(3);
BENCHMARK(stages)->Name("generate/diffranet_stages")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
