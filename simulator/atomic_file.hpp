// Whole files that appear at once or not at all: written to a temporary name beside the target, then renamed.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace braggbench {

// Calls write(temporary_path) and renames the result to `path`. If write throws, the temporary file is removed and
// nothing changes at `path`. Throws DataError if the directory cannot be written.
void replace_file(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& write);

// The same for content at hand.
void replace_file(const std::filesystem::path& path, std::string_view content);

// Throws DataError unless a file could be created beside `path`: for jobs that run long before they write.
void require_writable(const std::filesystem::path& path);

}  // namespace braggbench
