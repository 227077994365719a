#include <fmt/format.h>

#include <memory>
#include <string>

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

// "5 classes, 6 attributes, 2 values, grade, groups of 2"
std::string kinds_of_labels(const Recipe& recipe) {
    std::string text;
    const auto add = [&](std::size_t count, const char* one, const char* several) {
        if (count == 0) return;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, count == 1 ? one : several);
    };
    add(recipe.classes.size(), "class", "classes");
    add(recipe.labels.attributes.size(), "attribute", "attributes");
    add(recipe.labels.values.size(), "value", "values");
    if (!recipe.labels.grade.quantity.empty()) text += ", grade";
    if (images_per_group(recipe) > 1) text += fmt::format(", groups of {}", images_per_group(recipe));
    return text;
}

void run_recipes(const RecipeOptions& options) {
    if (!options.recipe.empty()) {
        fmt::print("{}", to_toml(load_recipe(options.recipe, options.set)));
        return;
    }
    for (const auto& builtin : builtin_recipes()) {
        const Recipe recipe = parse_recipe(builtin.toml, builtin.name);
        fmt::print("{:<22} {:>6} images {:>11} px  {:<32} {}\n", recipe.name, recipe.image_count,
                   fmt::format("{} x {}", recipe.width_px, recipe.height_px), kinds_of_labels(recipe),
                   recipe.description);
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
