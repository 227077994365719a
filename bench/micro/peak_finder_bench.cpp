// Peak finders on images of a diffraction-like background with spots, 512 x 512 px and a Pilatus 6M (2463 x 2527 px).
#include <benchmark/benchmark.h>

#include <cmath>

#include "classifiers/dispersion.hpp"
#include "classifiers/peakfinder8.hpp"
#include "classifiers/spot_finder.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

struct Frame {
    Image<float> photons;
    Image<std::uint8_t> valid;
};

// A water-like ring on a falling background, gaps every 195 px, 200 spots per megapixel.
Frame make_frame(int width, int height) {
    Frame frame{Image<float>(width, height), Image<std::uint8_t>(width, height, 1)};
    RandomStream random(1, 0, Stage::photon_noise);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const double r = std::hypot(x - 0.5 * width, y - 0.5 * height) / width;
            const double mean = 2.0 + 8.0 * std::exp(-3.0 * r) + 6.0 * std::exp(-std::pow((r - 0.3) / 0.05, 2));
            frame.photons(x, y) = static_cast<float>(random.poisson(mean));
            if (y % 212 >= 195) {
                frame.photons(x, y) = 0.0F;
                frame.valid(x, y) = 0;
            }
        }
    }
    const int spots = static_cast<int>(2e-4 * width * height);
    for (int k = 0; k < spots; ++k) {
        const auto x = static_cast<int>(random.uniform(1, width - 2));
        const auto y = static_cast<int>(random.uniform(1, height - 2));
        for (int dy = 0; dy < 2; ++dy) {
            for (int dx = 0; dx < 2; ++dx) {
                if (frame.valid(x + dx, y + dy) != 0) frame.photons(x + dx, y + dy) += 60.0F;
            }
        }
    }
    return frame;
}

const Frame& frame_of(const benchmark::State& state) {
    static const Frame small = make_frame(512, 512);
    static const Frame large = make_frame(2463, 2527);
    return state.range(0) == 512 ? small : large;
}

void peakfinder8_frame(benchmark::State& state) {
    const auto& frame = frame_of(state);
    const RadialBins bins(frame.photons.width, frame.photons.height, 0.5 * frame.photons.width,
                          0.5 * frame.photons.height);
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(peakfinder8(frame.photons, frame.valid, bins));
    }
    state.SetItemsProcessed(state.iterations());
}

void dispersion_frame(benchmark::State& state) {
    const auto& frame = frame_of(state);
    for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(dispersion(frame.photons, frame.valid));
    state.SetItemsProcessed(state.iterations());
}

void dispersion_extended_frame(benchmark::State& state) {
    const auto& frame = frame_of(state);
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(dispersion_extended(frame.photons, frame.valid));
    }
    state.SetItemsProcessed(state.iterations());
}

void radial_bins_of_frame(benchmark::State& state) {
    const auto& frame = frame_of(state);
    for ([[maybe_unused]] auto iteration : state) {
        benchmark::DoNotOptimize(RadialBins(frame.photons.width, frame.photons.height, 250.0, 260.0));
    }
}

BENCHMARK(peakfinder8_frame)->Arg(512)->Arg(2463)->Unit(benchmark::kMillisecond);
BENCHMARK(dispersion_frame)->Arg(512)->Arg(2463)->Unit(benchmark::kMillisecond);
BENCHMARK(dispersion_extended_frame)->Arg(512)->Arg(2463)->Unit(benchmark::kMillisecond);
BENCHMARK(radial_bins_of_frame)->Arg(512)->Arg(2463)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace braggbench
