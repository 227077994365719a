// From a recipe to a corpus file, on any number of threads, in one run or several; the bytes do not depend on that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/corpus_parts.hpp"
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

struct GenerateOptions {
    int threads = 1;
    std::optional<Share> share;  // only these images, left as parts
    Assembly assembly = Assembly::one_file;
    std::int64_t images_per_part = 0;  // whose loss an interruption may cost; 0 = 2^26 pixels' worth
};

// What has been done and what is to be done to have a corpus, or a share of one, at a place.
struct GeneratePlan {
    Recipe recipe;
    std::filesystem::path path;
    GenerateOptions options;
    ImageRange wanted;
    bool in_parts = false;           // else it is made in one go
    std::vector<ImageRange> ranges;  // to make, each a part
    std::int64_t found = 0;          // images that an earlier run has made
};

// Throws UsageError for an invalid recipe or share, and what find_parts() throws.
GeneratePlan plan_generate(const Recipe& recipe, const std::filesystem::path& path, const GenerateOptions& options);

// `made(done, total)` is called from one thread after each image of plan.wanted, those found counted as done;
// `joined(done, total)` while parts are made one file. Throws what load_structure_factors() and CorpusWriter throw;
// nothing is left at `path` unless all images are in it, and of parts only whole ones.
void generate(const GeneratePlan& plan, const std::function<void(std::int64_t, std::int64_t)>& made,
              const std::function<void(std::int64_t, std::int64_t)>& joined);

// All of it.
void generate(const Recipe& recipe, const std::filesystem::path& path, int threads,
              const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
