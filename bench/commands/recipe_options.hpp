// The options by which a subcommand is given a recipe.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "labels/recipe.hpp"

namespace braggbench {

struct RecipeOptions {
    std::string recipe;
    std::vector<std::string> set;
};

// --set KEY=VALUE, repeatable.
void add_set_option(CLI::App& command, RecipeOptions& options);

}  // namespace braggbench
