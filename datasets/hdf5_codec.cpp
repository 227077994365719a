// The chunks of a dataset with the filters shuffle and deflate, made and read without HDF5's own filters and its lock.
#include <libdeflate.h>

#include <algorithm>
#include <memory>

#include "datasets/hdf5.hpp"

namespace braggbench::hdf5 {

std::vector<std::uint8_t> encode_chunk(std::span<const std::uint8_t> raw, std::size_t element_bytes) {
    const std::size_t count = raw.size() / element_bytes;
    // Kept between chunks: their fresh pages would cost several times the shuffle.
    thread_local std::vector<std::uint8_t> shuffled;
    thread_local std::vector<std::uint8_t> encoded;
    shuffled.resize(raw.size());
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
        std::uint8_t* to = shuffled.data() + byte * count;
        const std::uint8_t* from = raw.data() + byte;
        for (std::size_t i = 0; i < count; ++i) to[i] = from[i * element_bytes];
    }
    thread_local const std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> compressor(
        libdeflate_alloc_compressor(1), libdeflate_free_compressor);
    encoded.resize(std::max(encoded.size(), libdeflate_zlib_compress_bound(compressor.get(), shuffled.size())));
    const std::size_t size =
        libdeflate_zlib_compress(compressor.get(), shuffled.data(), shuffled.size(), encoded.data(), encoded.size());
    return {encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size)};
}

bool decode_chunk(std::span<const std::uint8_t> encoded, std::size_t element_bytes, std::span<std::uint8_t> raw) {
    const std::size_t count = raw.size() / element_bytes;
    // Kept, because to fetch fresh pages from the system for every image costs as much as to fill them.
    thread_local std::vector<std::uint8_t> scratch;
    if (scratch.size() < raw.size()) scratch.resize(raw.size());
    const std::span<std::uint8_t> shuffled(scratch.data(), raw.size());
    thread_local const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decompressor(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    // Without a place for the actual size, libdeflate fails unless it is exactly the size asked for.
    if (libdeflate_zlib_decompress(decompressor.get(), encoded.data(), encoded.size(), shuffled.data(), shuffled.size(),
                                   nullptr) != LIBDEFLATE_SUCCESS) {
        return false;
    }
    if (element_bytes == 2) {  // images; compilers make vector code of this and not of the general loop
        const std::uint8_t* low = shuffled.data();
        const std::uint8_t* high = low + count;
        std::uint8_t* to = raw.data();
        for (std::size_t i = 0; i < count; ++i) {
            to[2 * i] = low[i];
            to[2 * i + 1] = high[i];
        }
        return true;
    }
    for (std::size_t byte = 0; byte < element_bytes; ++byte) {
        const std::uint8_t* from = shuffled.data() + byte * count;
        std::uint8_t* to = raw.data() + byte;
        for (std::size_t i = 0; i < count; ++i) to[i * element_bytes] = from[i];
    }
    return true;
}

std::uint32_t crc32(std::span<const std::uint8_t> bytes, std::uint32_t start) {
    return libdeflate_crc32(start, bytes.data(), bytes.size());
}

}  // namespace braggbench::hdf5
