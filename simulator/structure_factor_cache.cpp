#include "simulator/structure_factor_cache.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <type_traits>
#include <utility>
#include <vector>

#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

static_assert(std::endian::native == std::endian::little, "cache entries are little-endian");

namespace {

constexpr std::string_view magic = "BraggBench F 001";

template <class T>
void append(std::string& bytes, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool take(std::string_view& bytes, T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes.size() < sizeof value) return false;
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return true;
}

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::filesystem::path entry(const ContentKey& key) {
    const std::filesystem::path directory = cache_directory();
    return directory.empty() ? directory : directory / "structure_factors" / (key.hex() + ".bin");
}

// magic, key, cell, d_min, largest indices, length and text of the space group, count and values of the amplitudes,
// CRC-32 of all that.
std::string serialize(const ContentKey& key, const StructureFactors& factors) {
    std::string bytes(magic);
    bytes += key.hex();
    append(bytes, factors.cell());
    append(bytes, factors.d_min_A());
    append(bytes, factors.hkl_max());
    append(bytes, static_cast<std::uint64_t>(factors.space_group().size()));
    bytes += factors.space_group();
    append(bytes, static_cast<std::uint64_t>(factors.amplitudes().size()));
    bytes.append(reinterpret_cast<const char*>(factors.amplitudes().data()),
                 factors.amplitudes().size() * sizeof(float));
    append(bytes, checksum(bytes));
    return bytes;
}

std::optional<StructureFactors> parse(const ContentKey& key, std::string_view bytes) {
    const std::string start = std::string(magic) + key.hex();
    if (bytes.size() < start.size() + sizeof(std::uint32_t) || !bytes.starts_with(start)) return std::nullopt;
    std::string_view tail = bytes.substr(bytes.size() - sizeof(std::uint32_t));
    bytes.remove_suffix(tail.size());
    std::uint32_t sum = 0;
    if (!take(tail, sum) || sum != checksum(bytes)) return std::nullopt;
    bytes.remove_prefix(start.size());
    UnitCell cell;
    double d_min_A = 0.0;
    MillerIndex max;
    std::uint64_t length = 0;
    if (!take(bytes, cell) || !take(bytes, d_min_A) || !take(bytes, max) || !take(bytes, length) ||
        length > bytes.size())
        return std::nullopt;
    std::string space_group(bytes.substr(0, length));
    bytes.remove_prefix(length);
    std::uint64_t count = 0;
    if (!take(bytes, count) || bytes.size() % sizeof(float) != 0 || count != bytes.size() / sizeof(float))
        return std::nullopt;
    std::vector<float> amplitudes(count);
    std::memcpy(amplitudes.data(), bytes.data(), bytes.size());
    try {
        return StructureFactors(cell, std::move(space_group), d_min_A, max, std::move(amplitudes));
    } catch (const UsageError&) {
        return std::nullopt;
    }
}

}  // namespace

void ContentKey::mix(const void* data, std::size_t size) {
    constexpr Word prime = (Word{1} << 88U) | Word{0x13bU};
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) state_ = (state_ ^ bytes[i]) * prime;
}

ContentKey& ContentKey::add(std::string_view bytes) {
    const std::uint64_t size = bytes.size();
    mix(&size, sizeof size);
    mix(bytes.data(), bytes.size());
    return *this;
}

ContentKey& ContentKey::add(double value) {
    mix(&value, sizeof value);
    return *this;
}

std::string ContentKey::hex() const {
    return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(state_ >> 64U), static_cast<std::uint64_t>(state_));
}

std::filesystem::path cache_directory() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value == nullptr ? "" : value);
    };
    if (const auto own = variable("BRAGGBENCH_CACHE"); !own.empty()) return own;
    if (const auto xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "braggbench";
    if (const auto home = variable("HOME"); !home.empty()) return home / ".cache" / "braggbench";
    return {};
}

std::optional<StructureFactors> read_cached(const ContentKey& key) {
    std::ifstream file(entry(key), std::ios::binary);
    if (!file) return std::nullopt;
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return parse(key, bytes);
}

void write_cached(const ContentKey& key, const StructureFactors& factors) {
    const std::filesystem::path path = entry(key);
    if (path.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return;
    try {
        replace_file(path, serialize(key, factors));
    } catch (const DataError&) {
        // A cache that cannot be written costs time, not the result.
    }
}

}  // namespace braggbench
