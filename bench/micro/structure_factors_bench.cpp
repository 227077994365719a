// Structure factors: from seeded atoms (uncached), from the cache, and the look-up of one amplitude.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

void structure_factors_from_atoms(benchmark::State& state, const std::string& model, double d_min_A) {
    for (auto _ : state) benchmark::DoNotOptimize(structure_factors_from_builtin(model, d_min_A));
}
BENCHMARK_CAPTURE(structure_factors_from_atoms, lysozyme_2A, "lysozyme", 2.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(structure_factors_from_atoms, hydrogenase_2A, "hydrogenase", 2.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(structure_factors_from_atoms, photosystem_1_3A, "photosystem-1", 3.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(structure_factors_from_atoms, photosystem_2_3A, "photosystem-2", 3.0)->Unit(benchmark::kMillisecond);

void structure_factors_from_cache(benchmark::State& state) {
    load_structure_factors("hydrogenase", 2.0);
    for (auto _ : state) benchmark::DoNotOptimize(load_structure_factors("hydrogenase", 2.0));
}
BENCHMARK(structure_factors_from_cache)->Unit(benchmark::kMillisecond);

void structure_factor_lookup(benchmark::State& state) {
    const StructureFactors factors = structure_factors_from_builtin("lysozyme", 2.0);
    const MillerIndex max = factors.hkl_max();
    for (auto _ : state) {
        float sum = 0.0F;
        for (int h = -max.h; h <= max.h; ++h) {
            for (int k = -max.k; k <= max.k; ++k) {
                for (int l = -max.l; l <= max.l; ++l) sum += factors(h, k, l);
            }
        }
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(factors.amplitudes().size()));
}
BENCHMARK(structure_factor_lookup);

}  // namespace
}  // namespace braggbench
