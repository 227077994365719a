// What small corpora of the tests' own images say of themselves.
#pragma once

#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/recipe_toml.hpp"

namespace braggbench::test {

// Square images with the beam in the middle, offset 40 ADU and 1 ADU per photon. The classes from `first_crystal` on
// have crystals and are hits.
inline CorpusInfo small_corpus_info(int size_px, std::int64_t image_count, const std::vector<std::string>& classes,
                                    std::size_t first_crystal) {
    auto recipe = load_recipe("diffranet-small");
    recipe.width_px = size_px;
    recipe.height_px = size_px;
    recipe.image_count = image_count;
    const SceneRule crystal = recipe.classes.back().scene;
    SceneRule dark = crystal;
    dark.crystal = false;
    recipe.classes.clear();
    for (std::size_t i = 0; i < classes.size(); ++i) {
        recipe.classes.push_back({classes[i], 1.0, i < first_crystal ? dark : crystal});
    }
    CorpusInfo info;
    info.image_count = image_count;
    info.width_px = size_px;
    info.height_px = size_px;
    info.wavelength_A = recipe.wavelength_A;
    info.detector =
        flat_detector(size_px, size_px, recipe.pixel_size_mm, recipe.distance_mm, size_px / 2.0, size_px / 2.0);
    info.response.offset_adu = 40.0;
    info.class_names = classes;
    info.recipe_toml = to_toml(recipe);
    info.seed = 1;
    return info;
}

}  // namespace braggbench::test
