// A whole file as JSON.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace braggbench {

// Throws DataError, ending with `remedy`, if it cannot be read, is empty or is not JSON.
nlohmann::json read_json_file(const std::filesystem::path& path, std::string_view remedy);

}  // namespace braggbench
