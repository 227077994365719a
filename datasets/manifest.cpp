#include "datasets/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "datasets/corpus_layout.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace layout = corpus_layout;
using hdf5::Handle;
using hdf5::Number;
using hdf5::Shape;

constexpr const char* images_path = "/entry/data/data";
constexpr std::uint64_t block_bytes = std::uint64_t{4} << 20;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Number stored_type(const hdf5::DatasetInfo& info, const Handle& dataset) {
    if (info.floating && info.element_bytes == 4) return Number::f32;
    if (info.floating && info.element_bytes == 8) return Number::f64;
    if (info.integer) {
        switch (info.element_bytes) {
            case 1:
                return info.is_signed ? Number::i8 : Number::u8;
            case 2:
                return info.is_signed ? Number::i16 : Number::u16;
            case 4:
                return info.is_signed ? Number::i32 : Number::u32;
            case 8:
                return info.is_signed ? Number::i64 : Number::u64;
            default:
                break;
        }
    }
    throw DataError(hdf5::describe(dataset) + " holds numbers of a kind that no corpus has.");
}

// Read in blocks of whole chunks, so that the memory is bounded and each chunk is unpacked once.
std::uint32_t crc_of_numbers(const Handle& dataset, const hdf5::DatasetInfo& info) {
    const Number type = stored_type(info, dataset);
    std::uint64_t row_bytes = info.element_bytes;
    for (std::size_t i = 1; i < info.shape.size(); ++i) row_bytes *= info.shape[i];
    const std::uint64_t total_rows = info.shape.empty() ? 1 : info.shape.front();
    const std::uint64_t chunk_rows = info.chunk.empty() ? 1 : info.chunk.front();
    const std::uint64_t chunk_bytes = std::max<std::uint64_t>(1, row_bytes * chunk_rows);
    const std::uint64_t rows = chunk_rows * std::max<std::uint64_t>(1, block_bytes / chunk_bytes);
    std::uint32_t crc = 0;
    if (row_bytes == 0) return crc;
    std::vector<std::uint8_t> values;
    for (std::uint64_t first = 0; first < total_rows; first += rows) {
        Shape start(info.shape.size(), 0);
        Shape count = info.shape;
        const std::uint64_t here = std::min(rows, total_rows - first);
        if (!count.empty()) {
            start.front() = first;
            count.front() = here;
        }
        values.resize(here * row_bytes);
        hdf5::read_block(dataset, start, count, type, values.data());
        crc = hdf5::crc32(values, crc);
    }
    return crc;
}

std::uint32_t crc_of_attribute(const Handle& object, const std::string& name) {
    if (const auto texts = hdf5::texts_attribute(object, name); !texts.empty()) {
        return hdf5::crc32(bytes_of(fmt::format("{}", fmt::join(texts, "\n"))));
    }
    const std::vector<double> numbers = hdf5::numbers_attribute(object, name);
    return hdf5::crc32({reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size() * sizeof(double)});
}

std::uint32_t crc_of_dataset(const Handle& file, const std::string& path) {
    const Handle dataset = hdf5::open(file, path);
    const hdf5::DatasetInfo info = hdf5::dataset_info(dataset);
    if (!info.text) return crc_of_numbers(dataset, info);
    return hdf5::crc32(bytes_of(fmt::format("{}", fmt::join(hdf5::read_texts(file, path), "\n"))));
}

}  // namespace

std::string make_manifest(const Handle& file) {
    std::string manifest;
    for (const std::string& path : hdf5::all_objects(file)) {
        if (path == layout::manifest_path) continue;
        if (path != images_path && hdf5::is_dataset(file, path)) {
            manifest += fmt::format("{:08x}  {}\n", crc_of_dataset(file, path), path);
        }
        const Handle object = hdf5::open(file, path);
        for (const std::string& name : hdf5::attribute_names(object)) {
            manifest += fmt::format("{:08x}  {}@{}\n", crc_of_attribute(object, name), path, name);
        }
    }
    return manifest;
}

std::vector<std::string> manifest_differences(const Handle& file) {
    std::vector<std::string> differences;
    std::istringstream lines(hdf5::read_text(file, layout::manifest_path));
    for (std::string line; std::getline(lines, line);) {
        constexpr std::size_t digits = 8;
        constexpr std::size_t path_at = digits + 2;
        std::uint32_t expected = 0;
        if (line.size() <= path_at ||
            std::from_chars(line.data(), line.data() + digits, expected, 16).ptr != line.data() + digits) {
            differences.push_back(fmt::format("{}: has a line \"{}\" that is none of a manifest", layout::manifest_path,
                                              line.substr(0, 60)));
            continue;
        }
        const std::string place = line.substr(path_at);
        const std::size_t at = place.find('@');
        const std::string path = place.substr(0, at);
        try {
            if (!hdf5::exists(file, path)) {
                differences.push_back(place + ": is missing");
                continue;
            }
            std::uint32_t found = 0;
            if (at == std::string::npos) {
                found = crc_of_dataset(file, path);
            } else {
                const Handle object = hdf5::open(file, path);
                const auto names = hdf5::attribute_names(object);
                if (std::ranges::find(names, place.substr(at + 1)) == names.end()) {
                    differences.push_back(place + ": is missing");
                    continue;
                }
                found = crc_of_attribute(object, place.substr(at + 1));
            }
            if (found != expected) differences.push_back(place + ": is not what was written (its checksum differs)");
        } catch (const DataError& error) {
            differences.push_back(fmt::format("{}: cannot be read ({})", place, error.what()));
        }
    }
    return differences;
}

}  // namespace braggbench
