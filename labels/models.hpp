// What the scenes of a recipe's classes scatter from, loaded once and shared by all images.
#pragma once

#include <memory>
#include <vector>

#include "labels/recipe.hpp"

namespace braggbench {

class ParticleTransform;
class StructureFactors;

struct ClassModels {
    std::shared_ptr<const StructureFactors> structure_factors;  // null without a crystal
    std::shared_ptr<const ParticleTransform> particle;          // null without particles
};

// One per class of the recipe; classes that agree share theirs. Throws what load_structure_factors(), transform_shape()
// and transform_atoms() throw.
using Models = std::vector<ClassModels>;
Models load_models(const Recipe& recipe);

}  // namespace braggbench
