// What `look-inside` found (docs/results.md, "inside") as one HTML page that needs nothing beside it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace braggbench {

// `directory` holds the pictures that the result names. Text is escaped, there is no script and nothing is fetched.
// Throws DataError if a picture is missing or a part of the result is of the wrong type.
std::string inside_html(const nlohmann::json& result, const std::filesystem::path& directory);

}  // namespace braggbench
