#include "bench/results/json_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "simulator/error.hpp"

namespace braggbench {

nlohmann::json read_json_file(const std::filesystem::path& path, std::string_view remedy) {
    std::ifstream file(path, std::ios::binary);
    if (!file || !std::filesystem::is_regular_file(path)) {
        throw DataError(fmt::format("{}: cannot be read. Is the name right?", path.string()));
    }
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (content.find_first_not_of(" \t\r\n") == std::string::npos) {
        throw DataError(fmt::format("{}: empty (a run that was stopped writes no file). {}", path.string(), remedy));
    }
    try {
        return nlohmann::json::parse(content);
    } catch (const nlohmann::json::exception& error) {
        throw DataError(
            fmt::format("{}: not JSON ({}). NaN and Infinity are none either: undefined values are null. {}",
                        path.string(), error.what(), remedy));
    }
}

}  // namespace braggbench
