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

struct Corpus {
    Recipe recipe = load_recipe("diffranet");
    Models models = load_models(recipe);
    std::vector<Assignment> assignments = draw_assignments(recipe);
    std::int64_t images = 200;
};

const Corpus& corpus() {
    static const Corpus made;
    return made;
}

double thread_ms() {
    std::timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// range(0): the class, or -1 for the corpus's mix; range(1): whether the image is compressed too.
void records(benchmark::State& state) {
    const Corpus& made = corpus();
    double total_ms = 0.0;
    std::vector<double> least_ms(static_cast<std::size_t>(made.images), 1e300);
    for (auto _ : state) {
        for (std::int64_t i = 0; i < made.images; ++i) {
            const double start = thread_ms();
            Assignment assignment = made.assignments[static_cast<std::size_t>(i)];
            if (state.range(0) >= 0) assignment.class_index = static_cast<int>(state.range(0));
            CorpusRecord record = make_record(made.recipe, assignment, i, made.models);
            if (state.range(1) == 0) {
                benchmark::DoNotOptimize(record.image.pixels.data());
            } else {
                benchmark::DoNotOptimize(encode(std::move(record)).chunk.data());
            }
            const double ms = thread_ms() - start;
            total_ms += ms;
            double& least = least_ms[static_cast<std::size_t>(i)];
            least = std::min(least, ms);
        }
    }
    const auto images = static_cast<double>(made.images);
    state.counters["mean_ms"] = total_ms / (static_cast<double>(state.iterations()) * images);
    state.counters["least_ms"] = std::accumulate(least_ms.begin(), least_ms.end(), 0.0) / images;
}

// Where the time goes, in ms of an image: the stages of make_record() one after the other, and encode().
void stages(benchmark::State& state) {
    const Corpus& made = corpus();
    enum Stage : std::size_t { scene, allocate, background, spots, noise, encode_it, count };
    std::array<double, count> total_ms{};
    std::size_t listed_peaks = 0;
    for (auto _ : state) {
        for (std::int64_t i = 0; i < made.images; ++i) {
            double last = thread_ms();
            const auto add = [&](std::size_t which) {
                const double now = thread_ms();
                total_ms[which] += now - last;
                last = now;
            };
            const auto key = static_cast<std::uint64_t>(i);
            const Assignment& assignment = made.assignments[static_cast<std::size_t>(i)];
            const Experiment experiment =
                make_experiment(made.recipe, draw_scene(made.recipe, assignment, key), key,
                                made.models[static_cast<std::size_t>(assignment.class_index)]);
            add(scene);
            Image<float> image(made.recipe.width_px, made.recipe.height_px);
            add(allocate);
            add_background(experiment, image);
            add(background);
            CorpusRecord record;
            add_spots(experiment, image, record.peaks);
            add(spots);
            listed_peaks += record.peaks.size();
            record.image = detect(image, experiment.response, made.recipe.seed, key);
            add(noise);
            benchmark::DoNotOptimize(encode(std::move(record)).chunk.data());
            add(encode_it);
        }
    }
    const auto images = static_cast<double>(state.iterations() * made.images);
    constexpr std::array names = {"scene", "allocate", "background", "spots", "noise", "encode"};
    for (std::size_t i = 0; i < count; ++i) state.counters[names[i]] = total_ms[i] / images;
    state.counters["peaks"] = static_cast<double>(listed_peaks) / images;
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
BENCHMARK(stages)->Name("generate/diffranet_stages")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
