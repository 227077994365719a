// The result of a grid as one HTML page that opens from disk.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace braggbench {

// `result` is that of ablation_json(); `command` made it. Text is escaped, there is no script and nothing is fetched.
// The same input gives the same bytes. Throws DataError if a part is missing or of the wrong type.
std::string ablation_html(const nlohmann::json& result, const std::string& command);

}  // namespace braggbench
