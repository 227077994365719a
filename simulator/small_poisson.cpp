#include "simulator/small_poisson.hpp"

#include <cmath>

#include "simulator/eight_lanes.hpp"

namespace braggbench {
namespace {

constexpr auto columns = static_cast<std::size_t>(poisson_columns);
constexpr int column_shift = 26;
constexpr int threshold_shift = 13;
constexpr std::int32_t fine_mask = 0x1fff;
// 2^13 (1 - exp(-t / 32)) as t (s0 - t (s1 - t s2)).
constexpr std::array series = {0x1p13F / 32, 0x1p13F / (32 * 32 * 2), 0x1p13F / (32 * 32 * 32 * 6)};
constexpr float last_step = AliasTables::steps - 0.5F;

// P(Poisson(mean) >= count) for count >= 1 and means up to a step, whose series converges at once.
double upper_tail(double mean, int count) {
    double term = std::exp(-mean);
    for (int k = 1; k <= count; ++k) term *= mean / k;
    double sum = 0.0;
    for (int k = count + 1; term > 1e-17 * sum; ++k) {
        sum += term;
        term *= mean / k;
    }
    return sum;
}

}  // namespace

// Vose 1991, IEEE Trans. Softw. Eng. 17, 972: columns with too little are filled up by those with too much.
AliasTables::AliasTables() : thresholds(steps * columns), fast(steps * columns) {
    for (std::size_t step = 0; step < steps; ++step) {
        const double mean = static_cast<double>(step) / poisson_steps_per_photon;
        std::array<double, columns> share{};
        std::array<std::size_t, columns> other{};
        double probability = std::exp(-mean);
        for (std::size_t n = 0; n < columns; ++n) {
            share[n] = probability * static_cast<double>(columns);
            other[n] = n;
            probability *= mean / static_cast<double>(n + 1);
        }
        std::vector<std::size_t> little;
        std::vector<std::size_t> much;
        for (std::size_t n = 0; n < columns; ++n) (share[n] < 1.0 ? little : much).push_back(n);
        while (!little.empty() && !much.empty()) {
            const std::size_t poor = little.back();
            const std::size_t rich = much.back();
            little.pop_back();
            other[poor] = rich;
            share[rich] -= 1.0 - share[poor];
            if (share[rich] < 1.0) {
                much.pop_back();
                little.push_back(rich);
            }
        }
        // What rounding has left of either kind is full.
        for (const std::size_t n : little) share[n] = 1.0;
        for (const std::size_t n : much) share[n] = 1.0;
        for (std::size_t n = 0; n < columns; ++n) {
            thresholds[step * columns + n] = share[n];
            fast[step * columns + n] =
                static_cast<std::uint32_t>(share[n] * 0x1p13) << threshold_shift | static_cast<std::uint32_t>(other[n]);
        }
    }
}

double AliasTables::probability(std::size_t step, int count) const {
    double sum = 0.0;
    for (std::size_t n = 0; n < columns; ++n) {
        const double own = thresholds[step * columns + n];
        if (n == static_cast<std::size_t>(count)) sum += own;
        if (fast[step * columns + n] % columns == static_cast<std::size_t>(count)) sum += 1.0 - own;
    }
    return sum / static_cast<double>(columns);
}

const AliasTables& alias_tables() {
    static const AliasTables tables;
    return tables;
}

float small_poisson(float mean, std::uint32_t word, std::uint32_t further_threshold, std::uint32_t further_rest) {
    const AliasTables& tables = alias_tables();
    const auto refined = [](std::uint32_t bits, std::uint32_t further) {
        return (static_cast<double>(bits) + (static_cast<double>(further) + 0.5) * 0x1p-32) * 0x1p-13;
    };
    const auto step = static_cast<std::size_t>(mean * poisson_steps_per_photon);
    const std::uint32_t column = word >> column_shift;
    const std::size_t entry = step * columns + column;
    const bool own = refined(word >> threshold_shift & fine_mask, further_threshold) < tables.thresholds[entry];
    std::uint32_t count = own ? column : tables.fast[entry] % columns;
    const double rest = static_cast<double>(mean) - static_cast<double>(step) / poisson_steps_per_photon;
    const double drawn = refined(word & fine_mask, further_rest);
    for (int more = 1; drawn < upper_tail(rest, more); ++more) ++count;
    return static_cast<float>(count);
}

void draw_small_poisson(std::span<const std::uint32_t, small_poisson_px> words,
                        std::span<const float, small_poisson_px> means, float* counts, std::int32_t* open) {
    const std::uint32_t* const tables = alias_tables().fast.data();
    alignas(32) std::array<std::int32_t, small_poisson_px> entries;
    alignas(32) std::array<float, small_poisson_px> excesses;
    // Loops of short chains of dependent operations: the processor overlaps more pixels than in one.
    for (std::size_t i = 0; i < small_poisson_px; i += 8) {
        const Ints word = *reinterpret_cast<const Ints*>(&words[i]);
        const Floats steps = lower(loose_floats(&means[i]) * static_cast<float>(poisson_steps_per_photon), last_step);
        const Ints step = __builtin_convertvector(steps, Ints);
        const Ints column = reinterpret_cast<Ints>(reinterpret_cast<Bits>(word) >> column_shift);
        *reinterpret_cast<Ints*>(&entries[i]) = gather(tables, step * poisson_columns + column);
        // P(Poisson(rest) >= 1) to 4e-8, in steps of the bits that draw the rest, of which the first 5 may mean more.
        const Floats rest = steps - __builtin_convertvector(step, Floats);
        const Floats drawn = __builtin_convertvector(word & fine_mask, Floats);
        const Floats excess = rest * (series[0] - rest * (series[1] - rest * series[2])) - drawn;
        *reinterpret_cast<Floats*>(&excesses[i]) = drawn < 5.0F ? excess * 0.0F + 0.5F : excess;
    }
    for (std::size_t i = 0; i < small_poisson_px; i += 8) {
        const Ints word = *reinterpret_cast<const Ints*>(&words[i]);
        const Ints column = reinterpret_cast<Ints>(reinterpret_cast<Bits>(word) >> column_shift);
        const Ints entry = *reinterpret_cast<const Ints*>(&entries[i]);
        const Floats excess = *reinterpret_cast<const Floats*>(&excesses[i]);
        // Where the leading bits are equal, those behind them have no meaning and the comparison is undecided.
        const Ints fine = word & ((1 << column_shift) - 1);
        const Ints count = fine < entry ? column : entry & (poisson_columns - 1);
        // Comparisons yield -1 per true lane.
        *reinterpret_cast<Floats*>(counts + i) = __builtin_convertvector(count - (excess > 0.5F), Floats);
        *reinterpret_cast<Ints*>(open + i) = ((fine ^ entry) <= fine_mask) | (magnitude(excess - 0.5F) < 0.501F);
    }
}

}  // namespace braggbench
