#include "bench/ablation/grid_corpora.hpp"

#include <fmt/format.h>

#include <cmath>

#include "datasets/generate.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"

namespace braggbench {
namespace {

void scale(Distribution& distribution, double factor) {
    distribution.low *= factor;
    distribution.high *= factor;
}

void scale_beam(SceneRule& scene, double factor) {
    scale(scene.beam_fast_px, factor);
    scale(scene.beam_slow_px, factor);
}

GridCorpus made_from(Recipe recipe, const std::filesystem::path& directory) {
    const std::string key = ContentKey().add(to_toml(recipe)).hex();
    const auto path = directory / "corpora" / fmt::format("{}-{}.h5", recipe.name, key.substr(0, 12));
    return {path, key, std::move(recipe), std::filesystem::exists(path)};
}

}  // namespace

Recipe at_native_size(Recipe recipe, int native_px) {
    if (native_px == 0 || native_px == recipe.width_px) return recipe;
    if (recipe.detector_preset != "none") {
        throw UsageError(
            fmt::format("native_px = {} with the detector {} (its pixels are what they are). Use a recipe "
                        "with a detector of its own.",
                        native_px, recipe.detector_preset));
    }
    const double factor = static_cast<double>(native_px) / recipe.width_px;
    recipe.height_px = static_cast<int>(std::lround(recipe.height_px * factor));
    recipe.width_px = native_px;
    recipe.pixel_size_mm /= factor;
    scale_beam(recipe.scene, factor);
    for (auto& rule : recipe.classes) scale_beam(rule.scene, factor);
    for (auto& rule : recipe.variations) scale_beam(rule.overlay.scene, factor);
    for (auto& rule : recipe.members) scale_beam(rule.overlay.scene, factor);
    return recipe;
}

GridCorpus corpus_of(const Grid& grid, int native_px, const std::filesystem::path& directory) {
    if (grid.corpus.empty()) return made_from(at_native_size(load_recipe(grid.recipe, grid.set), native_px), directory);
    const CorpusReader reader(grid.corpus, 0);
    ContentKey key;
    key.add(reader.info().recipe_toml).add(reader.info().provenance);
    key.add(static_cast<double>(reader.info().image_count));
    for (const auto checksum : reader.checksums()) key.add(static_cast<double>(checksum));
    return {grid.corpus, key.hex(), {}, true};
}

GridCorpus transfer_corpus_of(const Grid& grid, const std::filesystem::path& directory) {
    return made_from(load_recipe(grid.transfer.recipe, grid.transfer.set), directory);
}

void require_made(const GridCorpus& corpus, int threads,
                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
    if (corpus.made) return;
    std::filesystem::create_directories(corpus.path.parent_path());
    generate(corpus.recipe, corpus.path, threads, progress);
}

}  // namespace braggbench
