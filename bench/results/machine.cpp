#include "bench/results/machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace braggbench {
namespace {

constexpr int repeats = 9;
constexpr std::size_t table_size = std::size_t{1} << 23U;  // of 4 bytes
constexpr int arithmetic_rounds = 20'000'000;
constexpr int memory_reads = 7'000'000;

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
    }
    return "unknown";
}

// Each number follows from the one before: a compiler can leave nothing out, and 16 chains fill the units.
float arithmetic() {
    std::array<float, 16> x{};
    std::iota(x.begin(), x.end(), 1.0F);
    for (int round = 0; round < arithmetic_rounds; ++round) {
        for (float& value : x) value = value * 0.999F + 0.001F;
    }
    return std::accumulate(x.begin(), x.end(), 0.0F);
}

std::uint32_t walk(const std::vector<std::uint32_t>& table) {
    std::uint32_t place = 1;
    std::uint32_t sum = 0;
    for (int read = 0; read < memory_reads; ++read) {
        sum += table[place % table_size];
        place = place * 1664525U + 1013904223U;  // Numerical Recipes' generator: all places, in no order
    }
    return sum;
}

}  // namespace

CalibrationKernel::CalibrationKernel() : table_(table_size) { std::iota(table_.begin(), table_.end(), 0U); }

double CalibrationKernel::run() const { return static_cast<double>(arithmetic()) + static_cast<double>(walk(table_)); }

Calibration calibrate() {
    const CalibrationKernel kernel;
    Calibration result{std::numeric_limits<double>::infinity(), 0.0};
    std::array<double, repeats> logarithms{};
    volatile double kept = 0.0;
    for (double& logarithm : logarithms) {
        const auto start = std::chrono::steady_clock::now();
        kept = kernel.run();
        const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
        result.least_ms = std::min(result.least_ms, elapsed.count());
        logarithm = std::log(elapsed.count());
    }
    static_cast<void>(kept);
    const double mean = std::accumulate(logarithms.begin(), logarithms.end(), 0.0) / repeats;
    for (const double one : logarithms) result.scatter += (one - mean) * (one - mean) / (repeats - 1);
    result.scatter = std::sqrt(result.scatter);
    return result;
}

MachineRecord this_machine(int threads) {
    MachineRecord machine;
    machine.processor = processor();
    machine.cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    machine.threads = threads;
    machine.memory_gib = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)) /
                         static_cast<double>(1ULL << 30U);
    const Calibration calibration = calibrate();
    machine.calibration_ms = calibration.least_ms;
    machine.calibration_scatter = calibration.scatter;
    return machine;
}

}  // namespace braggbench
