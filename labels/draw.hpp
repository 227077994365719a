// From a recipe to what each image of a corpus is: class, split, and the experiment that makes it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "labels/recipe.hpp"
#include "simulator/experiment.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {

enum class Split : std::uint8_t { train = 0, validation = 1, test = 2 };

struct Assignment {
    int class_index = 0;
    Split split = Split::train;
};

// One assignment per image: class counts in the recipe's proportions (largest remainder), splits stratified by class,
// order shuffled by the seed.
std::vector<Assignment> draw_assignments(const Recipe& recipe);

// The experiment of image `image_index`, whatever the other images are.
Experiment draw_experiment(const Recipe& recipe, const Assignment& assignment, std::uint64_t image_index,
                           std::shared_ptr<const StructureFactors> structure_factors);

}  // namespace braggbench
