#include "simulator/atomic_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "simulator/error.hpp"

namespace braggbench {

namespace fs = std::filesystem;

void require_writable(const fs::path& path) {
    const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::error_code error;
    if (!fs::is_directory(directory, error)) {
        throw DataError(
            fmt::format("{}: cannot be written (the directory {} does not exist). Create it, or choose another place.",
                        path.string(), directory.string()));
    }
    if (fs::is_directory(path, error)) {
        throw DataError(fmt::format("{}: cannot be written (it is a directory). Name a file.", path.string()));
    }
    if (access(directory.c_str(), W_OK) != 0) {
        throw DataError(fmt::format("{}: cannot be written (no permission in {}). Choose another place.", path.string(),
                                    directory.string()));
    }
}

void replace_file(const fs::path& path, const std::function<void(const fs::path&)>& write) {
    require_writable(path);
    // The temporary name keeps the extension: writers such as OpenCV choose the format by it.
    static std::atomic<unsigned> serial{0};
    const fs::path temporary = path.parent_path() / fmt::format(".{}.{}-{}{}", path.stem().string(), getpid(), serial++,
                                                                path.extension().string());
    try {
        write(temporary);
        fs::rename(temporary, path);
    } catch (...) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw;
    }
}

void replace_file(const fs::path& path, std::string_view content) {
    replace_file(path, [&](const fs::path& temporary) {
        std::ofstream file(temporary, std::ios::binary);
        file.write(content.data(), static_cast<std::streamsize>(content.size()));
        file.close();
        if (!file) throw DataError(fmt::format("{}: cannot be written (is the disk full?).", path.string()));
    });
}

}  // namespace braggbench
