// How far apart runs find the same speed, relative to the calibration measured at their beginning: what
// bench/results/change_test.hpp calls speed_scatter. Run it alone on the machine in question, several times a day.
// Usage: speed_scatter [runs, default 14]
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <vector>

#include "bench/results/machine.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

constexpr int repeats = 5;

double mean_ms(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    for (int repeat = 0; repeat < repeats; ++repeat) work();
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
    return elapsed.count() / repeats;
}

double deviation(const std::vector<double>& values) {
    double mean = 0.0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    double sum = 0.0;
    for (const double value : values) sum += (value - mean) * (value - mean);
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

void print(int runs) {
    volatile double kept = 0.0;
    std::vector<float> sweep(std::size_t{1} << 22U);
    const auto draw = [&] {
        RandomStream random(1, 0, Stage::scene);
        double sum = 0.0;
        for (int i = 0; i < 4'000'000; ++i) sum += random.normal();
        kept = sum;
    };
    const auto pass = [&] {
        for (int round = 0; round < 10; ++round) {
            for (std::size_t i = 1; i < sweep.size(); ++i) {
                sweep[i] = 0.5F * sweep[i] + std::sqrt(std::abs(sweep[i - 1]) + 1.0F);
            }
        }
        kept = static_cast<double>(sweep.back());
    };
    std::vector<double> calibrations;
    std::vector<double> draws;
    std::vector<double> passes;
    fmt::print("calibration (ms)  its scatter  random numbers (ms)  passes over memory (ms)\n");
    for (int run = 0; run < runs; ++run) {
        const auto [calibration, scatter] = calibrate();
        const double drawn = mean_ms(draw);
        const double passed = mean_ms(pass);
        fmt::print("{:16.1f}  {:11.3f}  {:19.1f}  {:23.1f}\n", calibration, scatter, drawn, passed);
        calibrations.push_back(std::log(calibration));
        draws.push_back(std::log(drawn / calibration));
        passes.push_back(std::log(passed / calibration));
    }
    fmt::print("standard deviation of the logarithm: calibration {:.3f}; relative to it {:.3f} and {:.3f}\n",
               deviation(calibrations), deviation(draws), deviation(passes));
}

}  // namespace
}  // namespace braggbench

int main(int argc, char** argv) {
    braggbench::print(argc > 1 ? std::atoi(argv[1]) : 14);
    return 0;
}
