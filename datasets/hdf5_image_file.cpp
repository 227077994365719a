#include "datasets/hdf5_image_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include "datasets/hdf5.hpp"
#include "simulator/constants.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using hdf5::DatasetInfo;
using hdf5::Handle;
using hdf5::Shape;

// One dataset of images; Eiger files have several, which continue each other.
struct Block {
    std::string path;
    std::uint64_t count = 0;
    DatasetInfo info;
};

struct Stack {
    std::filesystem::path path;
    Handle file;
    std::vector<Block> blocks;
    std::uint64_t count = 0;
    std::uint64_t height = 0;
    std::uint64_t width = 0;
};

std::string join(const std::string& folder, const std::string& name) {
    return folder == "/" ? folder + name : folder + "/" + name;
}

std::string nx_class(const Handle& file, const std::string& path) {
    return hdf5::text_attribute(hdf5::open(file, path), "NX_class").value_or("");
}

// Groups of a NeXus class directly in `folder`, by name. Links to one and the same group each count.
std::vector<std::string> groups_of_class(const Handle& file, const std::string& folder, std::string_view wanted) {
    std::vector<std::string> found;
    for (const std::string& name : hdf5::children(file, folder)) {
        const std::string path = join(folder, name);
        if (hdf5::is_group(file, path) && nx_class(file, path) == wanted) found.push_back(path);
    }
    return found;
}

std::optional<Block> image_block(const Handle& file, const std::string& path) {
    if (!hdf5::is_dataset(file, path)) return std::nullopt;
    Block block{path, 1, hdf5::dataset_info(hdf5::open(file, path))};
    const Shape& shape = block.info.shape;
    if ((shape.size() != 2 && shape.size() != 3) || (!block.info.integer && !block.info.floating)) return std::nullopt;
    if (shape.size() == 3) block.count = shape[0];
    hdf5::require_sources(hdf5::open(file, path));
    return block;
}

// data_000001, data_000002, ...: the blocks of an Eiger master file, in the order of their names.
std::vector<Block> numbered_blocks(const Handle& file, const std::string& folder) {
    std::vector<Block> blocks;
    for (const std::string& name : hdf5::children(file, folder)) {
        constexpr std::string_view prefix = "data_";
        if (!name.starts_with(prefix) || name.size() <= prefix.size() ||
            name.find_first_not_of("0123456789", prefix.size()) != std::string::npos) {
            continue;
        }
        const std::string path = join(folder, name);
        if (!hdf5::exists(file, path)) {
            throw DataError(
                fmt::format("{}: a link to images that are missing. Put the data files beside the master "
                            "file.",
                            hdf5::describe(file, path)));
        }
        if (auto block = image_block(file, path)) blocks.push_back(std::move(*block));
    }
    return blocks;
}

std::vector<Block> nexus_blocks(const Handle& file) {
    for (const std::string& entry : groups_of_class(file, "/", "NXentry")) {
        for (const std::string& data : groups_of_class(file, entry, "NXdata")) {
            std::vector<std::string> names = {"data"};
            if (const auto signal = hdf5::text_attribute(hdf5::open(file, data), "signal")) {
                names.insert(names.begin(), *signal);
            }
            for (const std::string& name : names) {
                if (auto block = image_block(file, join(data, name))) return {*block};
            }
            if (auto blocks = numbered_blocks(file, data); !blocks.empty()) return blocks;
        }
    }
    return {};
}

// Every dataset that could be images.
std::vector<Block> all_image_blocks(const Handle& file) {
    constexpr std::uint64_t smallest_px = 16;
    std::vector<Block> found;
    for (const std::string& path : hdf5::all_datasets(file)) {
        auto block = image_block(file, path);
        if (!block) continue;
        const Shape& shape = block->info.shape;
        if (shape[shape.size() - 1] >= smallest_px && shape[shape.size() - 2] >= smallest_px) {
            found.push_back(std::move(*block));
        }
    }
    return found;
}

std::vector<Block> find_blocks(const std::filesystem::path& path, const Handle& file) {
    if (auto blocks = nexus_blocks(file); !blocks.empty()) return blocks;
    // CXI (cxidb.org) and the names that training sets in HDF5 use.
    for (const char* known : {"/entry_1/data_1/data", "/entry_1/instrument_1/detector_1/data", "/entry/data/data",
                              "/entry/data", "/data/data", "/data", "/images", "/patterns"}) {
        if (auto block = image_block(file, known)) return {*block};
    }
    std::vector<Block> found = all_image_blocks(file);
    if (found.empty()) {
        throw DataError(
            fmt::format("{}: holds no image stack (no dataset of 2 or 3 dimensions of numbers). Give an "
                        "NXmx or CXI file, or one with a dataset /images.",
                        path.string()));
    }
    if (found.size() > 1) {
        throw DataError(
            fmt::format("{}: does not say which of its datasets are the images ({}, {}{}). Mark one with "
                        "NXentry/NXdata@signal, or name it /images.",
                        path.string(), found[0].path, found[1].path, found.size() > 2 ? ", ..." : ""));
    }
    return found;
}

Stack open_stack(const std::filesystem::path& path) {
    Stack stack;
    stack.path = path;
    stack.file = hdf5::open_file(path);
    stack.blocks = find_blocks(path, stack.file);
    const Shape& first = stack.blocks.front().info.shape;
    stack.height = first[first.size() - 2];
    stack.width = first[first.size() - 1];
    constexpr std::uint64_t largest_px = 65536;
    if (stack.width == 0 || stack.height == 0 || stack.width > largest_px || stack.height > largest_px) {
        throw DataError(fmt::format("{}: {} has images of {} x {} px.", path.string(), stack.blocks.front().path,
                                    stack.width, stack.height));
    }
    for (const Block& block : stack.blocks) {
        const Shape& shape = block.info.shape;
        if (shape[shape.size() - 2] != stack.height || shape[shape.size() - 1] != stack.width) {
            throw DataError(fmt::format("{}: {} has images of another size than {}.", path.string(), block.path,
                                        stack.blocks.front().path));
        }
        stack.count += block.count;
    }
    if (stack.count == 0) throw DataError(fmt::format("{}: holds no images.", path.string()));
    return stack;
}

template <class T>
std::vector<T> read_image(const Stack& stack, const Block& block, std::uint64_t index) {
    if (const auto missing = hdf5::missing_filters(block.info); !missing.empty()) {
        throw DataError(
            fmt::format("{}: {} is compressed by HDF5 filter {}, which is not installed. Install its plugin (Debian: "
                        "bitshuffle, hdf5-filter-plugin, hdf5-filter-plugin-blosc-serial) or set HDF5_PLUGIN_PATH.",
                        stack.path.string(), block.path, fmt::join(missing, ", ")));
    }
    std::vector<T> values(stack.height * stack.width);
    Shape start = {0, 0};
    Shape count = {stack.height, stack.width};
    if (block.info.shape.size() == 3) {
        start.insert(start.begin(), index);
        count.insert(count.begin(), 1);
    }
    hdf5::read_block(hdf5::open(stack.file, block.path), start, count, hdf5::number_of<T>(), values.data());
    return values;
}

// Groups that may describe the detector, nearest convention first.
std::vector<std::string> detector_groups(const Handle& file) {
    std::vector<std::string> groups;
    for (const std::string& entry : groups_of_class(file, "/", "NXentry")) {
        for (const std::string& instrument : groups_of_class(file, entry, "NXinstrument")) {
            for (auto& detector : groups_of_class(file, instrument, "NXdetector")) groups.push_back(detector);
        }
    }
    for (const char* known : {"/entry_1/instrument_1/detector_1", "/entry_1/data_1"}) {
        if (hdf5::is_group(file, known)) groups.emplace_back(known);
    }
    return groups;
}

// NXmx: pixels with any of the lower 16 bits set are not to be used. CXI: of its bits (cxidb.org, CXI 1.6, table of
// mask bits) those for invalid, hot, dead, shadowed, to be ignored, bad, missing, noisy and failed to correct.
constexpr std::uint32_t nxmx_unusable = 0x0000FFFF;
constexpr std::uint32_t cxi_unusable = 0x1 | 0x4 | 0x8 | 0x10 | 0x40 | 0x80 | 0x200 | 0x400 | 0x1000;

// True if the file has a mask, which is then applied.
bool apply_mask(const Stack& stack, std::uint64_t index, Image<std::uint8_t>& valid) {
    struct Convention {
        const char* name;
        std::uint32_t unusable;
    };
    for (const std::string& detector : detector_groups(stack.file)) {
        for (const Convention& convention :
             {Convention{"pixel_mask", nxmx_unusable}, Convention{"mask", cxi_unusable}}) {
            const std::string path = join(detector, convention.name);
            const auto block = image_block(stack.file, path);
            if (!block || !block->info.integer) continue;
            const Shape& shape = block->info.shape;
            if (shape[shape.size() - 2] != stack.height || shape[shape.size() - 1] != stack.width) continue;
            const std::uint64_t row = block->count == stack.count ? index : 0;
            const auto mask = read_image<std::uint32_t>(stack, *block, row);
            for (std::size_t i = 0; i < mask.size(); ++i) {
                if ((mask[i] & convention.unusable) != 0) valid.pixels[i] = 0;
            }
            return true;
        }
    }
    return false;
}

std::optional<double> first_number(const Handle& file, const std::string& path) {
    if (!hdf5::is_dataset(file, path)) return std::nullopt;
    const DatasetInfo info = hdf5::dataset_info(hdf5::open(file, path));
    if ((!info.integer && !info.floating) || std::count(info.shape.begin(), info.shape.end(), 0U) > 0) {
        return std::nullopt;
    }
    const double value = hdf5::read_double(file, path);
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<double> mm_per_unit(const std::string& units) {
    if (units == "mm") return 1.0;
    if (units == "m") return 1e3;
    if (units == "um" || units == "micron") return 1e-3;
    return std::nullopt;
}

std::string units_of(const Handle& file, const std::string& path) {
    return hdf5::text_attribute(hdf5::open(file, path), "units").value_or("");
}

// NXmx allows pixels or a length; a length is divided by the pixel's size.
std::optional<double> beam_centre_px(const Handle& file, const std::string& detector, const std::string& axis) {
    const std::string path = join(detector, "beam_center_" + axis);
    const auto value = first_number(file, path);
    if (!value) return std::nullopt;
    const auto scale = mm_per_unit(units_of(file, path));
    if (!scale) return value;
    const std::string size_path = join(detector, axis + "_pixel_size");
    const auto size = first_number(file, size_path);
    if (!size || *size <= 0.0) return std::nullopt;
    const double size_mm = *size * mm_per_unit(units_of(file, size_path)).value_or(1e3);
    return *value * *scale / size_mm;
}

// What the file itself calls unusable: the type's largest value in an unmasked unsigned file (Dectris), a negative
// value in a 32-bit signed one (Pilatus), a value below underload_value, whatever is not finite.
std::function<bool(double)> unusable_value(const Stack& stack, const DatasetInfo& info, bool masked) {
    double lowest = -HUGE_VAL;
    if (info.is_signed && info.element_bytes == 4) lowest = 0.0;
    for (const std::string& detector : detector_groups(stack.file)) {
        if (const auto underload = first_number(stack.file, join(detector, "underload_value"))) lowest = *underload;
    }
    double reserved = HUGE_VAL;
    if (info.integer && !info.is_signed && !masked && info.element_bytes >= 2) {
        reserved = std::ldexp(1.0, static_cast<int>(8 * info.element_bytes)) - 1.0;
    }
    return [=](double value) { return !std::isfinite(value) || value < lowest || value == reserved; };
}

DetectorImage read_from(const Stack& stack, std::int64_t index) {
    if (index < 0 || static_cast<std::uint64_t>(index) >= stack.count) {
        throw DataError(
            fmt::format("{}: has no image {} (it holds images 0 to {}).", stack.path.string(), index, stack.count - 1));
    }
    auto within = static_cast<std::uint64_t>(index);
    auto block = stack.blocks.begin();
    for (; within >= block->count; ++block) within -= block->count;

    DetectorImage image;
    image.name = stack.path.filename().string();
    if (stack.count > 1) image.name += fmt::format("#{}", index);
    image.values = Image<float>(static_cast<int>(stack.width), static_cast<int>(stack.height));
    image.valid = Image<std::uint8_t>(image.values.width, image.values.height, 1);
    const bool masked = apply_mask(stack, static_cast<std::uint64_t>(index), image.valid);
    const auto unusable = unusable_value(stack, block->info, masked);
    // Through double, which holds 32-bit integers exactly where float would round the largest into the next.
    const auto values = read_image<double>(stack, *block, within);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (unusable(values[i])) image.valid.pixels[i] = 0;
        if (image.valid.pixels[i] != 0) image.values.pixels[i] = static_cast<float>(values[i]);
    }
    for (const std::string& detector : detector_groups(stack.file)) {
        if (!image.beam_fast_px) image.beam_fast_px = beam_centre_px(stack.file, detector, "x");
        if (!image.beam_slow_px) image.beam_slow_px = beam_centre_px(stack.file, detector, "y");
        if (!image.gain_adu_per_photon)
            image.gain_adu_per_photon = first_number(stack.file, join(detector, "gain_adu_per_photon"));
        if (!image.offset_adu) image.offset_adu = first_number(stack.file, join(detector, "offset_adu"));
    }
    return image;
}

constexpr double elementary_charge_C = 1.602176634e-19;  // CODATA 2018, exact
constexpr const char* wavelength_paths[] = {"beam/incident_wavelength", "beam/wavelength"};

// A length in the file's units, which NeXus leaves to the attribute; without one the unit of the definition
// (NXdetector).
std::optional<double> length_mm(const Handle& file, const std::string& path, double mm_per_default) {
    const auto value = first_number(file, path);
    if (!value || *value <= 0.0) return std::nullopt;
    return *value * mm_per_unit(units_of(file, path)).value_or(mm_per_default);
}

}  // namespace

struct Hdf5Images::State {
    Stack stack;
};

Hdf5Images::Hdf5Images(const std::filesystem::path& path) : state_(std::make_unique<State>(State{open_stack(path)})) {}

Hdf5Images::~Hdf5Images() = default;

std::int64_t Hdf5Images::count() const { return static_cast<std::int64_t>(state_->stack.count); }

DetectorImage Hdf5Images::read(std::int64_t index) const { return read_from(state_->stack, index); }

bool Hdf5Images::states_mask() const {
    const Stack& stack = state_->stack;
    Image<std::uint8_t> valid(static_cast<int>(stack.width), static_cast<int>(stack.height), 1);
    return stack.blocks.front().info.integer || apply_mask(stack, 0, valid);
}

StackGeometry Hdf5Images::geometry() const {
    const Handle& file = state_->stack.file;
    constexpr double mm_per_metre = 1e3;
    StackGeometry geometry;
    for (const std::string& entry : groups_of_class(file, "/", "NXentry")) {
        for (const std::string& instrument : groups_of_class(file, entry, "NXinstrument")) {
            for (const char* name : wavelength_paths) {
                const auto wavelength = first_number(file, join(instrument, name));
                if (wavelength && *wavelength > 0.0 && !geometry.wavelength_A) geometry.wavelength_A = wavelength;
            }
        }
    }
    for (const std::string& detector : detector_groups(file)) {
        if (!geometry.distance_mm) geometry.distance_mm = length_mm(file, join(detector, "distance"), mm_per_metre);
        if (!geometry.pixel_size_mm) {
            geometry.pixel_size_mm = length_mm(file, join(detector, "x_pixel_size"), mm_per_metre);
        }
    }
    // CXI (cxidb.org, CXI 1.6) has the photon energy in joule.
    if (!geometry.wavelength_A) {
        if (const auto joule = first_number(file, "/entry_1/instrument_1/source_1/energy"); joule && *joule > 0.0) {
            geometry.wavelength_A = hc_eV_A / (*joule / elementary_charge_C);
        }
    }
    return geometry;
}

bool is_hdf5(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && hdf5::has_signature(path);
}

std::int64_t hdf5_image_count(const std::filesystem::path& path) {
    return static_cast<std::int64_t>(open_stack(path).count);
}

DetectorImage read_hdf5_image(const std::filesystem::path& path, std::int64_t index) {
    return read_from(open_stack(path), index);
}

}  // namespace braggbench
