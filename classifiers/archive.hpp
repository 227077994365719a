// Torch archives as files of ours: read and written whole, with errors that name the file. Torch header.
#pragma once

#include <torch/torch.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

inline void write_text(torch::serialize::OutputArchive& archive, const std::string& key, const std::string& text) {
    archive.write(key, c10::IValue(text));
}

// Calls fill(archive), then writes it at once or not at all.
template <class Fill>
void write_archive(const std::filesystem::path& path, const Fill& fill) {
    torch::serialize::OutputArchive archive;
    fill(archive);
    replace_file(path, [&](const std::filesystem::path& temporary) {
        // Through a stream of ours: torch's own file writer ends the program when the disk is full.
        std::ofstream file(temporary, std::ios::binary);
        archive.save_to([&](const void* bytes, std::size_t count) {
            file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
            return count;
        });
        file.close();
        if (!file) {
            throw DataError(path.string() + ": cannot be written (no space, or no permission). Choose another place.");
        }
    });
}

// Opens `path`, checks that its text `header_key` is JSON with "format": format, and calls use(archive, header). What
// torch or the JSON parser throw in between becomes a DataError.
template <class Use>
void read_archive(const std::filesystem::path& path, const std::string& header_key, const std::string& format,
                  const Use& use) {
    if (!std::filesystem::is_regular_file(path)) {
        throw DataError(path.string() + ": no such file. Check the path.");
    }
    try {
        torch::serialize::InputArchive archive;
        archive.load_from(path.string(), torch::kCPU);
        c10::IValue text;
        archive.read(header_key, text);
        const auto header = nlohmann::json::parse(text.toStringRef());
        if (header.at("format") != format) throw DataError("");
        use(archive, header);
    } catch (const UsageError&) {
        throw;
    } catch (const std::exception&) {
        throw DataError(path.string() + ": not a " + format +
                        " (another kind of file, truncated, or of another version of braggbench). Make it anew with "
                        "'braggbench train'.");
    }
}

}  // namespace braggbench
