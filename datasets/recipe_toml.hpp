// Recipes as TOML: reading with errors that name the place, overriding single keys, writing the resolved recipe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "labels/recipe.hpp"

namespace braggbench {

struct BuiltinRecipe {
    std::string_view name;
    std::string_view toml;
};
const std::vector<BuiltinRecipe>& builtin_recipes();

// Parses and validates. `source` names the text in messages ("file:line:column: problem (why) what to do").
// `overrides` are "key=value" with dotted keys ("crystal.model=lysozyme"), applied before validation.
// Throws UsageError for unknown keys (with the nearest known one), wrong types and values out of range.
Recipe parse_recipe(std::string_view toml, std::string_view source, const std::vector<std::string>& overrides = {});

// A built-in name or a path to a .toml file.
Recipe load_recipe(const std::string& name_or_path, const std::vector<std::string>& overrides = {});

// Every key with its value and its help as a comment; parse_recipe() of it gives the same recipe.
std::string to_toml(const Recipe& recipe);

}  // namespace braggbench
