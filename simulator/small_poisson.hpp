// Poisson counts of small means from one random word a pixel. Poisson(mean) = Poisson(step k) + Poisson(rest): the
// first is drawn by the alias method (Walker 1977, ACM Trans. Math. Softw. 3, 253) from tables for every step, the
// second is nearly always 0. Of the word 6 bits choose the column, 13 compare with its threshold, 13 draw the rest;
// where those leave a count undecided, further words refine them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace braggbench {

inline constexpr float small_poisson_end = 16.0F;  // the first mean that is not small
inline constexpr int poisson_steps_per_photon = 32;
inline constexpr int poisson_columns = 64;  // beyond them lies 1e-17 of the distribution at the last step

// Column c of step k yields c with probability `thresholds`, else `others`.
struct AliasTables {
    static constexpr std::size_t steps = static_cast<std::size_t>(small_poisson_end) * poisson_steps_per_photon;

    AliasTables();

    // The probability of a count at a step.
    [[nodiscard]] double probability(std::size_t step, int count) const;

    std::vector<double> thresholds;   // [step * poisson_columns + column]
    std::vector<std::uint32_t> fast;  // 13 bits of the threshold (2^13 for 1), and the other count << 16
};

const AliasTables& alias_tables();

// The count that a word yields, refined by 32 further bits of either comparison. 0 <= mean < small_poisson_end.
float small_poisson(float mean, std::uint32_t word, std::uint32_t further_threshold, std::uint32_t further_rest);

inline constexpr std::size_t small_poisson_px = 256;

// Counts of words by the leading bits alone; open[i] is -1 where these do not decide, else 0. What comes of means that
// are not small has no meaning. words, counts and open are aligned to 32 bytes.
void draw_small_poisson(std::span<const std::uint32_t, small_poisson_px> words,
                        std::span<const float, small_poisson_px> means, float* counts, std::int32_t* open);

}  // namespace braggbench
