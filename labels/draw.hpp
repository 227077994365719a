// From a recipe to what each image of a corpus is: class, split, and the experiment that makes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "labels/models.hpp"
#include "labels/recipe.hpp"
#include "simulator/experiment.hpp"

namespace braggbench {

enum class Split : std::uint8_t { train = 0, validation = 1, test = 2 };

struct Assignment {
    int class_index = 0;
    Split split = Split::train;
};

// One assignment per image: class counts in the recipe's proportions (largest remainder), splits stratified by class,
// order shuffled by the seed.
std::vector<Assignment> draw_assignments(const Recipe& recipe);

// The scene of image `image_index`, every distribution fixed at its draw. Each field has its own stream of random
// numbers, keyed by its name: two recipes that differ in one field give the same scene otherwise, and so do two
// classes.
SceneRule draw_scene(const Recipe& recipe, const Assignment& assignment, std::uint64_t image_index);

// "section.key" of every field that draw_scene() draws, and what it drew, in the same order.
std::vector<std::string> drawn_names();
std::vector<float> drawn_values(const SceneRule& drawn);

// The detector of a drawn scene.
Detector make_detector(const Recipe& recipe, const SceneRule& drawn);

// The experiment of a drawn scene, oriented, placed and speckled at random. `models` are those of its class.
Experiment make_experiment(const Recipe& recipe, const SceneRule& drawn, std::uint64_t image_index,
                           const ClassModels& models);

}  // namespace braggbench
