#include <benchmark/benchmark.h>

#include "explain/embedding/neighbours.hpp"
#include "explain/embedding/tsne.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr Eigen::Index dimensions = 50;

// Ten clusters.
Points points_of(Eigen::Index count) {
    RandomStream random(1, 0, Stage::scene);
    Points points(count, dimensions);
    for (Eigen::Index i = 0; i < count; ++i) {
        for (Eigen::Index d = 0; d < dimensions; ++d) points(i, d) = random.normal() + (d == i % 10 ? 8.0 : 0.0);
    }
    return points;
}

void affinities_benchmark(benchmark::State& state) {
    const auto points = points_of(state.range(0));
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(affinities(points, 30.0));
}
BENCHMARK(affinities_benchmark)->Name("affinities")->Arg(1000)->Arg(5000)->Unit(benchmark::kMillisecond)->UseRealTime();

// One iteration; t-SNE takes 1000.
void kl_gradient_benchmark(benchmark::State& state) {
    const auto near = affinities(points_of(state.range(0)), 30.0);
    const Points places = points_of(state.range(0)).leftCols(2);
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(kl_gradient(near, places));
    state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(0));  // pairs
}
BENCHMARK(kl_gradient_benchmark)
    ->Name("kl_gradient")
    ->Arg(1000)
    ->Arg(5000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void trustworthiness_benchmark(benchmark::State& state) {
    const auto points = points_of(state.range(0));
    const Points places = points.leftCols(2);
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(trustworthiness(points, places, 10));
}
BENCHMARK(trustworthiness_benchmark)
    ->Name("trustworthiness")
    ->Arg(1000)
    ->Arg(5000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace braggbench
