// What the classifiers' keyed random numbers are for: values of simulator/random.hpp's Stage from 100 on, so that they
// never meet those of the images themselves. Append, never renumber.
#pragma once

#include "simulator/random.hpp"

namespace braggbench {

inline constexpr Stage shuffle_stage = static_cast<Stage>(100);
inline constexpr Stage augmentation_stage = static_cast<Stage>(101);
inline constexpr Stage bootstrap_stage = static_cast<Stage>(102);
inline constexpr Stage folds_stage = static_cast<Stage>(103);
inline constexpr Stage permutation_stage = static_cast<Stage>(110);
inline constexpr Stage classical_stage = static_cast<Stage>(120);

// A number in [0, count).
inline std::size_t draw_index(RandomStream& random, std::size_t count) {
    const auto index = static_cast<std::size_t>(random.uniform() * static_cast<double>(count));
    return index < count ? index : count - 1;
}

}  // namespace braggbench
