#include "bench/results/machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
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
constexpr int arithmetic_rounds = 10'000'000;
constexpr int memory_reads = 3'000'000;

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

double calibration_ms() {
    std::vector<std::uint32_t> table(table_size);
    std::iota(table.begin(), table.end(), 0U);
    double least = std::numeric_limits<double>::infinity();
    volatile float kept = 0.0F;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        kept = arithmetic() + static_cast<float>(walk(table));
        const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
        least = std::min(least, elapsed.count());
    }
    static_cast<void>(kept);
    return least;
}

MachineRecord this_machine(int threads) {
    MachineRecord machine;
    machine.processor = processor();
    machine.cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    machine.threads = threads;
    machine.memory_gib = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE)) /
                         static_cast<double>(1ULL << 30U);
    machine.calibration_ms = calibration_ms();
    return machine;
}

}  // namespace braggbench
