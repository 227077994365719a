// Streams of random numbers that are keyed by what they decide.
#pragma once

#include <cstdint>
#include <string_view>

#include "labels/recipe.hpp"
#include "simulator/random.hpp"

namespace braggbench {

// The stream of one named decision ("crystal.volume_um3") of one image. It starts at the FNV-1a hash of the name; tests
// check that no two fields share numbers.
inline RandomStream stream_of(const Recipe& recipe, std::uint64_t image_index, std::string_view name) {
    std::uint32_t hash = 2166136261U;
    for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
    return {recipe.seed, image_index, Stage::scene, hash};
}

}  // namespace braggbench
