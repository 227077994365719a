// The known name closest to a mistyped one, by Levenshtein's edit distance; for error messages.
#pragma once

#include <span>
#include <string>

namespace braggbench {

// Case is ignored; the first of equally close names wins. An empty string if `known` is empty.
std::string nearest_name(const std::string& name, std::span<const std::string> known);

}  // namespace braggbench
