#include "datasets/image_file.hpp"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "datasets/cbf_file.hpp"
#include "datasets/file_bytes.hpp"
#include "datasets/hdf5_image_file.hpp"
#include "datasets/raster_file.hpp"
#include "datasets/smv_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr std::size_t head_bytes = 512;

std::string printable(std::string_view head) {
    std::string text;
    for (const char byte : head.substr(0, 12)) {
        text += std::isprint(static_cast<unsigned char>(byte)) != 0 ? byte : '.';
    }
    return text;
}

}  // namespace

ImageFile::Format ImageFile::format_of(const std::filesystem::path& path, const std::string& head) {
    if (head.empty()) {
        throw DataError(fmt::format("{}: is empty. Copy the file again.", path.string()));
    }
    if (is_compressed(head)) {
        return Format::compressed;
    }
    if (is_raster(head)) {
        return Format::raster;
    }
    if (is_cbf(head)) {
        return Format::cbf;
    }
    if (is_smv(head)) {
        return Format::smv;
    }
    throw DataError(fmt::format(
        "{}: is not an image of a known format (it begins with '{}'; its content counts, not its name). Give "
        "PNG, TIFF, PGM, CBF, SMV or HDF5.",
        path.string(), printable(head)));
}

ImageFile::ImageFile(std::filesystem::path path) : path_(std::move(path)) {
    const std::string head = read_file_head(path_, head_bytes);
    if (is_hdf5(path_)) {
        count_ = hdf5_image_count(path_);
    } else {
        format_ = format_of(path_, head);
    }
}

DetectorImage ImageFile::read(std::int64_t index) const {
    if (index < 0 || index >= count_) {
        throw UsageError(fmt::format("{}: there is no image {} (the file holds {}, counted from 0).", path_.string(),
                                     index, count_));
    }
    if (format_ == Format::hdf5) {
        return read_hdf5_image(path_, index);
    }
    std::string bytes = read_file_bytes(path_);
    Format format = format_;
    if (format == Format::compressed) {
        bytes = decompress(path_, bytes);
        format = format_of(path_, bytes.substr(0, head_bytes));
    }
    DetectorImage image;
    switch (format) {
        case Format::raster:
            image = read_raster(path_, bytes);
            break;
        case Format::cbf:
            image = read_cbf(path_, std::move(bytes));
            break;
        case Format::smv:
            image = read_smv(path_, bytes);
            break;
        case Format::hdf5:
        case Format::compressed:
            throw DataError(fmt::format("{}: is compressed twice. Unpack it once.", path_.string()));
    }
    image.name = path_.filename().string();
    return image;
}

}  // namespace braggbench
