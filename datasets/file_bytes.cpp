#include "datasets/file_bytes.hpp"

#include <bzlib.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

// Far above any detector frame; a small file that unpacks to more is damaged or hostile.
constexpr std::size_t max_unpacked_bytes = std::size_t{4} << 30;
constexpr std::size_t chunk_bytes = std::size_t{1} << 22;

std::ifstream open_for_reading(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        throw DataError(fmt::format("{}: is a folder, not an image file. Name a file in it.", path.string()));
    }
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) {
        throw DataError(fmt::format("{}: cannot be opened ({}). Check the path.", path.string(), std::strerror(errno)));
    }
    return stream;
}

[[noreturn]] void throw_truncated(const std::filesystem::path& path, std::string_view kind) {
    throw DataError(fmt::format("{}: the {} stream ends too early (the file is truncated). Copy the file again.",
                                path.string(), kind));
}

[[noreturn]] void throw_damaged(const std::filesystem::path& path, std::string_view kind) {
    throw DataError(fmt::format("{}: the {} stream is damaged (its checksum or codes are wrong). Copy the file again.",
                                path.string(), kind));
}

std::size_t grow(const std::filesystem::path& path, std::string& unpacked, std::size_t used) {
    if (unpacked.size() == used) {
        if (used >= max_unpacked_bytes) {
            throw DataError(
                fmt::format("{}: unpacks to more than 4 GiB (no detector image is that large).", path.string()));
        }
        unpacked.resize(used + std::max(chunk_bytes, used / 2));
    }
    return std::min(unpacked.size() - used, chunk_bytes);
}

std::string decompress_gzip(const std::filesystem::path& path, std::string_view bytes) {
    z_stream stream{};
    constexpr int gzip_header = 16 + MAX_WBITS;
    if (inflateInit2(&stream, gzip_header) != Z_OK) {
        throw std::bad_alloc();
    }
    struct Guard {
        z_stream& stream;
        ~Guard() { inflateEnd(&stream); }
    } const guard{stream};
    std::string unpacked;
    std::size_t used = 0;
    while (!bytes.empty()) {
        const std::size_t room = grow(path, unpacked, used);
        const std::size_t given = std::min(bytes.size(), chunk_bytes);
        // zlib's interface predates const.
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(given);
        stream.next_out = reinterpret_cast<Bytef*>(unpacked.data() + used);
        stream.avail_out = static_cast<uInt>(room);
        const int code = inflate(&stream, Z_NO_FLUSH);
        bytes.remove_prefix(given - stream.avail_in);
        used += room - stream.avail_out;
        if (code == Z_STREAM_END) {
            if (!bytes.starts_with("\x1f\x8b")) {
                unpacked.resize(used);
                return unpacked;
            }
            inflateReset(&stream);
        } else if (code != Z_OK && code != Z_BUF_ERROR) {
            throw_damaged(path, "gzip");
        }
    }
    throw_truncated(path, "gzip");
}

std::string decompress_bzip2(const std::filesystem::path& path, std::string_view bytes) {
    std::string unpacked;
    std::size_t used = 0;
    while (bytes.starts_with("BZh")) {
        bz_stream stream{};
        if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) {
            throw std::bad_alloc();
        }
        struct Guard {
            bz_stream& stream;
            ~Guard() { BZ2_bzDecompressEnd(&stream); }
        } const guard{stream};
        for (int code = BZ_OK; code != BZ_STREAM_END;) {
            const std::size_t room = grow(path, unpacked, used);
            const std::size_t given = std::min(bytes.size(), chunk_bytes);
            stream.next_in = const_cast<char*>(bytes.data());
            stream.avail_in = static_cast<unsigned>(given);
            stream.next_out = unpacked.data() + used;
            stream.avail_out = static_cast<unsigned>(room);
            code = BZ2_bzDecompress(&stream);
            bytes.remove_prefix(given - stream.avail_in);
            used += room - stream.avail_out;
            if (code != BZ_OK && code != BZ_STREAM_END) {
                throw_damaged(path, "bzip2");
            }
            if (code == BZ_OK && bytes.empty() && stream.avail_out == room) {
                throw_truncated(path, "bzip2");
            }
        }
    }
    unpacked.resize(used);
    return unpacked;
}

}  // namespace

std::string read_file_head(const std::filesystem::path& path, std::size_t count) {
    std::ifstream stream = open_for_reading(path);
    std::string head(count, '\0');
    stream.read(head.data(), static_cast<std::streamsize>(count));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    return head;
}

std::string read_file_bytes(const std::filesystem::path& path) {
    std::ifstream stream = open_for_reading(path);
    stream.seekg(0, std::ios::end);
    const std::streamoff size = stream.tellg();
    if (!stream || size < 0) {
        throw DataError(fmt::format("{}: cannot be read (not a regular file). Give an image file.", path.string()));
    }
    stream.seekg(0);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    stream.read(bytes.data(), size);
    if (stream.gcount() != size) {
        throw DataError(fmt::format("{}: cannot be read to its end ({}).", path.string(), std::strerror(errno)));
    }
    return bytes;
}

bool is_compressed(std::string_view head) { return head.starts_with("\x1f\x8b") || head.starts_with("BZh"); }

std::string decompress(const std::filesystem::path& path, std::string_view bytes) {
    return bytes.starts_with("BZh") ? decompress_bzip2(path, bytes) : decompress_gzip(path, bytes);
}

}  // namespace braggbench
