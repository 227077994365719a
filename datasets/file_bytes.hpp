// Whole files as bytes, a .gz or .bz2 stream unpacked.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace braggbench {

// The first bytes of a file, at most `count`; fewer if the file is shorter. Throws DataError.
std::string read_file_head(const std::filesystem::path& path, std::size_t count);

// Throws DataError if the file cannot be read.
std::string read_file_bytes(const std::filesystem::path& path);

// By content: gzip (RFC 1952) or bzip2.
bool is_compressed(std::string_view head);

// The unpacked content of a gzip or bzip2 file, concatenated streams included. Throws DataError for a truncated or
// damaged stream; `path` is only named in its message.
std::string decompress(const std::filesystem::path& path, std::string_view bytes);

}  // namespace braggbench
