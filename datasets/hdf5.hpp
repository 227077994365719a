// The part of the HDF5 C API that the corpus and image readers use: owned handles, numbers, text, compressed chunks.
// The serial library is not thread-safe, so every function here takes one process-wide lock. Failures throw DataError
// naming the file, the object and HDF5's own reason. Times of creation are never stored: equal content, equal bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace braggbench::hdf5 {

// Any open HDF5 object; closed on destruction.
class Handle {
public:
    Handle() = default;
    explicit Handle(std::int64_t id) : id_(id) {}
    ~Handle() { close(); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
    Handle& operator=(Handle&& other) noexcept {
        if (this != &other) {
            close();
            id_ = std::exchange(other.id_, -1);
        }
        return *this;
    }
    [[nodiscard]] std::int64_t id() const { return id_; }
    void close() noexcept;

private:
    std::int64_t id_ = -1;
};

using Shape = std::vector<std::uint64_t>;
inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};

enum class Number { i8, u8, i16, u16, i32, u32, i64, u64, f32, f64 };

template <class T>
constexpr Number number_of() {
    if constexpr (std::is_same_v<T, float>) return Number::f32;
    if constexpr (std::is_same_v<T, double>) return Number::f64;
    constexpr bool is_signed = std::is_signed_v<T>;
    if constexpr (std::is_integral_v<T> && sizeof(T) == 1) return is_signed ? Number::i8 : Number::u8;
    if constexpr (std::is_integral_v<T> && sizeof(T) == 2) return is_signed ? Number::i16 : Number::u16;
    if constexpr (std::is_integral_v<T> && sizeof(T) == 4) return is_signed ? Number::i32 : Number::u32;
    if constexpr (std::is_integral_v<T> && sizeof(T) == 8) return is_signed ? Number::i64 : Number::u64;
}

// What is stored in a dataset, and how.
struct DatasetInfo {
    Shape shape;
    Shape chunk;           // empty if not chunked
    bool integer = false;  // else floating point, or neither
    bool floating = false;
    bool is_signed = false;
    bool little_endian = true;
    bool text = false;
    std::size_t element_bytes = 0;
    std::vector<int> filters;  // HDF5 filter numbers in the order of writing
};

// The file begins with the HDF5 signature, or has it after a user block.
bool has_signature(const std::filesystem::path& path);

enum class Format {
    v1_8,  // which every reader of today knows
    v1_10  // which virtual datasets need
};
Handle create_file(const std::filesystem::path& path, Format format = Format::v1_8);
Handle open_file(const std::filesystem::path& path);  // read-only
void flush(const Handle& file);

Handle create_group(const Handle& parent, const std::string& name, std::string_view nx_class);
void link_soft(const Handle& parent, const std::string& name, const std::string& target);

void set_attribute(const Handle& object, const std::string& name, std::string_view text);
void set_attribute(const Handle& object, const std::string& name, const std::vector<std::string>& texts);
void set_attribute(const Handle& object, const std::string& name, std::span<const double> values);
void set_attribute(const Handle& object, const std::string& name, std::int32_t value);

// An empty shape makes a scalar.
Handle write_values(const Handle& parent, const std::string& name, Number type, const void* values, const Shape& shape);
Handle write_text(const Handle& parent, const std::string& name, std::string_view text);
template <class T>
Handle write_number(const Handle& parent, const std::string& name, T value) {
    return write_values(parent, name, number_of<T>(), &value, {});
}

// Chunked, with byte shuffle and deflate level 1. Chunks are written whole, as encode_chunk() makes them.
Handle create_chunked(const Handle& parent, const std::string& name, Number type, const Shape& shape,
                      const Shape& max_shape, const Shape& chunk);

// Rows first to end - 1 of a virtual dataset, which are all rows of a dataset in another file, named from the folder of
// the virtual one.
struct VirtualSource {
    std::string file;
    std::string dataset;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
};
Handle create_virtual(const Handle& parent, const std::string& name, Number type, const Shape& shape,
                      const std::vector<VirtualSource>& sources);
// Of a dataset of `file`, the files' names as they are stored; empty if it is not virtual. HDF5 reads zeros for a
// source that is missing, without a word.
[[nodiscard]] std::vector<VirtualSource> virtual_sources(const Handle& dataset);
// Throws DataError that names the first source of the dataset that is no file. Others than virtual datasets pass.
void require_sources(const Handle& dataset);

void extend(const Handle& dataset, const Shape& shape);
void write_chunk(const Handle& dataset, const Shape& offset, std::span<const std::uint8_t> encoded);

// HDF5's byte shuffle and a zlib stream of level 1, made by libdeflate. Pure; need no lock.
std::vector<std::uint8_t> encode_chunk(std::span<const std::uint8_t> raw, std::size_t element_bytes);
// False if `encoded` is not such a chunk of raw.size() bytes.
bool decode_chunk(std::span<const std::uint8_t> encoded, std::size_t element_bytes, std::span<std::uint8_t> raw);

// CRC-32 as zlib and PNG have it; `start` is that of the bytes before. Pure; needs no lock.
std::uint32_t crc32(std::span<const std::uint8_t> bytes, std::uint32_t start = 0);

[[nodiscard]] bool exists(const Handle& parent, const std::string& path);  // links followed, to an object
[[nodiscard]] bool is_group(const Handle& parent, const std::string& path);
[[nodiscard]] bool is_dataset(const Handle& parent, const std::string& path);
[[nodiscard]] std::vector<std::string> children(const Handle& parent, const std::string& path);  // by name
[[nodiscard]] std::vector<std::string> all_datasets(const Handle& file);  // each once, without following links
[[nodiscard]] std::vector<std::string> all_objects(const Handle& file);   // groups and datasets, the root as "/"
Handle open(const Handle& parent, const std::string& path);
[[nodiscard]] std::vector<std::string> attribute_names(const Handle& object);

[[nodiscard]] std::optional<std::string> text_attribute(const Handle& object, const std::string& name);
[[nodiscard]] std::vector<std::string> texts_attribute(const Handle& object, const std::string& name);
[[nodiscard]] std::vector<double> numbers_attribute(const Handle& object, const std::string& name);

[[nodiscard]] DatasetInfo dataset_info(const Handle& dataset);
[[nodiscard]] std::string read_text(const Handle& parent, const std::string& path);  // the first
[[nodiscard]] std::vector<std::string> read_texts(const Handle& parent, const std::string& path);
[[nodiscard]] double read_double(const Handle& parent, const std::string& path);  // the first value
[[nodiscard]] std::uint64_t read_u64(const Handle& parent, const std::string& path);

// A hyperslab, converted to `type`; `values` has room for it.
void read_block(const Handle& dataset, const Shape& start, const Shape& count, Number type, void* values);
template <class T>
std::vector<T> read_all(const Handle& parent, const std::string& path, const Shape& expected_shape);

// The bytes of one chunk as stored; nullopt if the chunk was never written or skipped a filter.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> read_chunk(const Handle& dataset, const Shape& offset);
// How many they are; 0 if the chunk was never written.
[[nodiscard]] std::uint64_t stored_chunk_bytes(const Handle& dataset, const Shape& offset);

// The filters of a dataset that this HDF5 cannot undo (their plugins are not installed).
[[nodiscard]] std::vector<int> missing_filters(const DatasetInfo& info);

// "<file>: /path/of/object", for messages.
[[nodiscard]] std::string describe(const Handle& parent, const std::string& path = "");

void check_shape(const Handle& dataset, const Shape& expected);

template <class T>
std::vector<T> read_all(const Handle& parent, const std::string& path, const Shape& expected_shape) {
    const Handle dataset = open(parent, path);
    check_shape(dataset, expected_shape);
    std::size_t size = 1;
    for (const std::uint64_t extent : expected_shape) size *= extent;
    std::vector<T> values(size);
    if (size > 0) {
        read_block(dataset, Shape(expected_shape.size(), 0), expected_shape, number_of<T>(), values.data());
    }
    return values;
}

}  // namespace braggbench::hdf5
