#include "datasets/generate.hpp"

#include <fmt/format.h>

#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/commands/recipe_options.hpp"
#include "bench/progress.hpp"
#include "datasets/recipe_toml.hpp"

namespace braggbench {

namespace {

struct GenerateOptions {
    RecipeOptions recipe;
    std::filesystem::path output = "corpus.h5";
    std::optional<std::int64_t> images;
    std::optional<std::uint64_t> seed;
};

void run_generate(const GenerateOptions& options, const CommonOptions& common) {
    auto set = options.recipe.set;
    if (options.images) set.push_back(fmt::format("corpus.image_count={}", *options.images));
    if (options.seed) set.push_back(fmt::format("corpus.seed={}", *options.seed));
    const Recipe recipe = load_recipe(options.recipe.recipe, set);
    Progress progress("generate", "images", common.quiet);
    generate(recipe, options.output, common.threads,
             [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    progress.note(fmt::format("{}: {} images of recipe {}, seed {}", options.output.string(), recipe.image_count,
                              recipe.name, recipe.seed));
}

}  // namespace

void add_generate(CLI::App& app, const CommonOptions& common) {
    auto options = std::make_shared<GenerateOptions>();
    auto* command =
        app.add_subcommand("generate",
                           "a corpus from a recipe: images, labels, true peaks and splits in one HDF5 file (NXmx)\n\n"
                           "  braggbench generate diffranet-small -o corpus.h5\n"
                           "  braggbench generate diffranet --images 5000 --set crystal.model=lysozyme -o lysozyme.h5\n"
                           "The same recipe and seed give the same bytes on any number of threads.\n");
    command->add_option("RECIPE", options->recipe.recipe, "built-in name (see `braggbench recipes`) or a .toml file")
        ->required();
    command->add_option("-o,--output", options->output, "the corpus file")->capture_default_str();
    command->add_option("-n,--images", options->images, "how many images (corpus.image_count)");
    command->add_option("--seed", options->seed, "corpus.seed");
    add_set_option(*command, options->recipe);
    command->callback([options, &common] { run_generate(*options, common); });
}

}  // namespace braggbench
