// The detector's response on one core: ns per pixel of a 512 x 512 image, by mean, beside what memory alone would cost.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "simulator/noise.hpp"
#include "simulator/response.hpp"

namespace braggbench {
namespace {

constexpr int side = 512;

void report(benchmark::State& state) {
    // Time per pixel of the thread's own processor time.
    state.counters["px"] = benchmark::Counter(
        static_cast<double>(side) * side, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// A background like water's: a ring that falls to a tenth of its peak.
Image<float> ring(float peak) {
    Image<float> photons(side, side);
    for (int slow = 0; slow < side; ++slow) {
        for (int fast = 0; fast < side; ++fast) {
            const double r = std::hypot(fast - side / 2, slow - side / 2) / (side / 4);
            photons(fast, slow) = peak * static_cast<float>(0.1 + 0.9 * std::exp(-(r - 1.0) * (r - 1.0) * 4.0));
        }
    }
    return photons;
}

void run(benchmark::State& state, const Image<float>& photons, const DetectorResponse& response) {
    std::uint64_t image = 0;
    for (auto _ : state) {
        const auto counts = detect(photons, response, 1, image++);
        benchmark::DoNotOptimize(counts.pixels.data());
    }
    report(state);
}

// range(0): mean in hundredths of a photon; range(1): read-out noise in ADU.
void flat(benchmark::State& state) {
    DetectorResponse response;
    response.read_noise_rms_adu = static_cast<double>(state.range(1));
    response.offset_adu = 40.0;
    run(state, Image<float>(side, side, static_cast<float>(state.range(0)) * 0.01F), response);
}

void background(benchmark::State& state) {
    DetectorResponse response;
    response.read_noise_rms_adu = static_cast<double>(state.range(0));
    response.offset_adu = 40.0;
    run(state, ring(10.0F), response);
}

void background_gaussian_spread(benchmark::State& state) {
    DetectorResponse response;
    response.read_noise_rms_adu = 3.0;
    response.offset_adu = 40.0;
    response.point_spread.gaussian_fwhm_px = 1.5;
    run(state, ring(10.0F), response);
}

void background_fiber_spread(benchmark::State& state) {
    DetectorResponse response;
    response.read_noise_rms_adu = 3.0;
    response.offset_adu = 40.0;
    response.point_spread = {.fiber_fwhm_px = 1.0, .fiber_fraction = 1.0, .radius_px = 64};
    run(state, ring(10.0F), response);
}

void background_everything(benchmark::State& state) {
    DetectorResponse response;
    response.read_noise_rms_adu = 3.0;
    response.offset_adu = 40.0;
    response.image_flicker_rms = 0.1;
    response.flat_field_rms = 0.02;
    response.point_spread = {.fiber_fwhm_px = 1.0, .fiber_fraction = 1.0, .radius_px = 64};
    response.defects.dead_fraction = 1e-3;
    run(state, ring(10.0F), response);
}

// Philox words alone: half of what a count with read-out noise cannot do without is 0.75 of this.
void words(benchmark::State& state) {
    alignas(32) std::array<std::uint32_t, noise_block_px> block;
    for (auto _ : state) {
        for (std::size_t first = 0; first < std::size_t{side} * side; first += noise_block_px) {
            uniform_block({1, 2, Stage::read_noise}, first, block);
            benchmark::DoNotOptimize(block.data());
        }
    }
    report(state);
}

// Reads 4 bytes and writes 2 for each pixel, and clamps.
void memory_floor(benchmark::State& state) {
    const Image<float> photons(side, side, 5.0F);
    for (auto _ : state) {
        Image<std::uint16_t> counts(side, side);
        for (std::size_t i = 0; i < photons.size(); ++i) {
            const float value = photons.pixels[i] < 65535.0F ? photons.pixels[i] : 65535.0F;
            counts.pixels[i] = static_cast<std::uint16_t>(static_cast<std::int32_t>(value));
        }
        benchmark::DoNotOptimize(counts.pixels.data());
    }
    report(state);
}

BENCHMARK(flat)
    ->Name("response/flat")
    ->ArgNames({"mean_0.01", "read_noise"})
    ->ArgsProduct({{10, 500, 10'000, 1'000'000}, {0, 3}});
BENCHMARK(background)->Name("response/background")->ArgName("read_noise")->Arg(0)->Arg(3);
BENCHMARK(background_gaussian_spread)->Name("response/background_gaussian_spread");
BENCHMARK(background_fiber_spread)->Name("response/background_fiber_spread");
BENCHMARK(background_everything)->Name("response/background_everything");
BENCHMARK(words)->Name("response/philox_words");
BENCHMARK(memory_floor)->Name("response/memory_floor");

}  // namespace
}  // namespace braggbench
