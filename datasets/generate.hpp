// From a recipe to a corpus file, on any number of threads; the bytes do not depend on the number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "datasets/corpus.hpp"
#include "labels/draw.hpp"
#include "labels/models.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

// A recipe made ready: any of its images can be made alone, on any thread. Throws UsageError for an invalid recipe, and
// what load_models() throws.
class RecipeSource {
public:
    explicit RecipeSource(Recipe recipe);
    // With models that are loaded already.
    RecipeSource(Recipe recipe, Models models);

    [[nodiscard]] const Recipe& recipe() const { return recipe_; }
    [[nodiscard]] const Models& models() const { return models_; }
    [[nodiscard]] const std::vector<Assignment>& assignments() const { return assignments_; }
    // The record that generate() writes for image `index`.
    [[nodiscard]] CorpusRecord record(std::int64_t index) const;
    [[nodiscard]] Experiment experiment(std::int64_t index) const;

private:
    [[nodiscard]] Experiment experiment(const SceneRule& scene, std::int64_t index) const;

    Recipe recipe_;
    Labeller labeller_;
    Models models_;
    std::vector<Assignment> assignments_;
};

// What the corpus file says of itself; the recipe must be valid.
CorpusInfo corpus_info(const Recipe& recipe);

// `progress(done, total)` is called from one thread after each image. Throws what load_structure_factors() and
// CorpusWriter throw; nothing is left at `path` unless all images are in it.
void generate(const Recipe& recipe, const std::filesystem::path& path, int threads,
              const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
