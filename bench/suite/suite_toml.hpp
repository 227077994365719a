// Suites as TOML: reading with errors that name the place and the nearest known name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/suite/suite.hpp"

namespace braggbench {

struct BuiltinSuite {
    std::string_view name;
    std::string_view toml;
};
const std::vector<BuiltinSuite>& builtin_suites();

// Throws UsageError ("file:line:column: problem (why) what to do") for what is not TOML, unknown keys, wrong types,
// names that are given twice, and recipes, models, methods, ... and steps that there are not, of which it says what
// there is.
Suite parse_suite(std::string_view toml, std::string_view source);

// A built-in name or a path to a .toml file.
Suite load_suite(const std::string& name_or_path);
// The text of the same.
std::string suite_text(const std::string& name_or_path);

// Every key with its help and default, as TOML.
std::string suite_keys_text();

}  // namespace braggbench
