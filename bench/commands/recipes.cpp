#include <fmt/format.h>

#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/commands/recipe_options.hpp"
#include "datasets/recipe_toml.hpp"

namespace braggbench {

void add_set_option(CLI::App& command, RecipeOptions& options) {
    command.add_option("--set", options.set, "change one key of the recipe, e.g. --set crystal.model=photosystem-2")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

namespace {

void run_recipes(const RecipeOptions& options) {
    if (!options.recipe.empty()) {
        fmt::print("{}", to_toml(load_recipe(options.recipe, options.set)));
        return;
    }
    for (const auto& builtin : builtin_recipes()) {
        const Recipe recipe = parse_recipe(builtin.toml, builtin.name);
        fmt::print("{:<18} {:>6} images  {}\n", recipe.name, recipe.image_count, recipe.description);
    }
}

}  // namespace

void add_recipes(CLI::App& app, const CommonOptions&) {
    auto options = std::make_shared<RecipeOptions>();
    auto* command =
        app.add_subcommand("recipes",
                           "list the built-in recipes, or print one whole\n\n"
                           "  braggbench recipes diffranet > mine.toml    every key with its meaning, to edit\n");
    command->add_option("RECIPE", options->recipe, "built-in name or path to a .toml file");
    add_set_option(*command, *options);
    command->callback([options] { run_recipes(*options); });
}

}  // namespace braggbench
