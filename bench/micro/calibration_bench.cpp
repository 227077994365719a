// The piece of work that times are divided by when two runs are compared (docs/comparing.md).
#include <benchmark/benchmark.h>

#include "bench/results/machine.hpp"

namespace braggbench {
namespace {

void calibration(benchmark::State& state) {
    const CalibrationKernel kernel;
    for (auto _ : state) benchmark::DoNotOptimize(kernel.run());
}
BENCHMARK(calibration)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
