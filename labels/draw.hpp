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
    std::uint64_t variations = 0;  // bit v: variation v is there
    int member = 0;                // which of its group, or position of its raster, row by row
};

// One assignment per image: class counts in the recipe's proportions (largest remainder), splits stratified by class,
// order shuffled by the seed; then each variation in turn, spread evenly over splits, classes and earlier variations,
// so that its share is met to one image in all of them together. A group has one split, and but for a raster one class.
std::vector<Assignment> draw_assignments(const Recipe& recipe);

// The bits of variations named in a '+'-joined list. Throws UsageError for an unknown one, with the nearest.
std::uint64_t variations_named(const Recipe& recipe, const std::string& list);

// What keys the draws of image `image_index`: its group. And its noise: the members of a matched group share theirs,
// the positions of a raster do not.
std::uint64_t scene_key(const Recipe& recipe, std::int64_t image_index);
std::uint64_t noise_key(const Recipe& recipe, std::int64_t image_index);

// The scene of an image, every distribution fixed at its draw: its class's, the variations laid over it in order, and
// its member's last. Each field has its own stream of random numbers, keyed by its name: two recipes that differ in one
// field give the same scene otherwise, and so do two classes. `key` is scene_key().
SceneRule draw_scene(const Recipe& recipe, const Assignment& assignment, std::uint64_t key);

// "section.key" of every field that draw_scene() draws, and what it drew, in the same order.
std::vector<std::string> drawn_names();
std::vector<float> drawn_values(const SceneRule& drawn);

// The detector of a drawn scene.
Detector make_detector(const Recipe& recipe, const SceneRule& drawn);

// The experiment of a drawn scene, oriented, placed and speckled at random. `models` are those of its class, `key` is
// scene_key().
Experiment make_experiment(const Recipe& recipe, const SceneRule& drawn, std::uint64_t key, const ClassModels& models);

}  // namespace braggbench
