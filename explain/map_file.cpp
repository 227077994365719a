#include "explain/map_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using hdf5::Shape;

Shape map_shape(const StageGrid& grid, std::uint64_t maps) {
    return {maps, static_cast<std::uint64_t>(grid.height), static_cast<std::uint64_t>(grid.width)};
}

void set_number(const hdf5::Handle& object, const std::string& name, double value) {
    hdf5::set_attribute(object, name, std::span<const double>(&value, 1));
}

hdf5::Handle open_dataset(const hdf5::Handle& file, const std::filesystem::path& path, const char* name,
                          const char* expected) {
    if (!hdf5::is_dataset(file, name)) {
        throw DataError(
            fmt::format("{}: has no dataset \"{}\" ({} is expected there). docs/map-files.md tells what a "
                        "map file holds.",
                        path.string(), name, expected));
    }
    return hdf5::open(file, name);
}

std::string shape_text(const Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

ViewSpec view_of(const hdf5::Handle& maps, const std::filesystem::path& path) {
    const auto text = hdf5::text_attribute(maps, "view");
    if (!text) {
        throw DataError(
            fmt::format("{}: \"maps\" has no attribute \"view\" (it says what of an image a map shows). Write the view "
                        "that the maps are of, such as \"downsample:max:256\".",
                        path.string()));
    }
    try {
        return parse_view(*text);
    } catch (const UsageError& error) {
        throw DataError(fmt::format("{}: attribute \"view\" of \"maps\": {}", path.string(), error.what()));
    }
}

double number_of(const hdf5::Handle& maps, const std::filesystem::path& path, const char* name, double otherwise) {
    const std::vector<std::string> names = hdf5::attribute_names(maps);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        return otherwise;
    }
    const std::vector<double> values = hdf5::numbers_attribute(maps, name);
    if (values.size() != 1 || !std::isfinite(values.front())) {
        throw DataError(fmt::format(
            "{}: attribute \"{}\" of \"maps\" is not a number. Give one, in pixels of the view.", path.string(), name));
    }
    return values.front();
}

}  // namespace

MapWriter::MapWriter(std::filesystem::path path, const MapFileInfo& info)
    : path_(std::move(path)), partial_(fmt::format("{}.{}.partial", path_.string(), getpid())), grid_(info.grid) {
    require_writable(path_);
    file_ = hdf5::create_file(partial_);
    try {
        hdf5::set_attribute(file_, "program", fmt::format("braggbench {} ({})", version(), git_commit()));
        const Shape chunk = map_shape(grid_, 1);
        maps_ = hdf5::create_chunked(file_, "maps", hdf5::Number::f32, map_shape(grid_, 0),
                                     {hdf5::unlimited, chunk[1], chunk[2]}, chunk);
        hdf5::set_attribute(maps_, "name", info.name);
        hdf5::set_attribute(maps_, "stage", info.stage);
        hdf5::set_attribute(maps_, "view", to_text(info.view));
        set_number(maps_, "stride_px", grid_.stride_px);
        set_number(maps_, "start_px", grid_.start_px);
    } catch (...) {
        close();
        throw;
    }
}

MapWriter::~MapWriter() { close(); }

void MapWriter::close() {
    maps_.close();
    file_.close();
    std::error_code ignored;
    std::filesystem::remove(partial_, ignored);
}

void MapWriter::append(std::int64_t image_index, const Image<float>& map) {
    if (map.width != grid_.width || map.height != grid_.height) {
        throw UsageError(fmt::format("{}: a map of {} x {} for a grid of {} x {}. A file holds maps of one grid.",
                                     path_.string(), map.width, map.height, grid_.width, grid_.height));
    }
    if (!seen_.insert(image_index).second) {
        throw UsageError(
            fmt::format("{}: image {} twice. A file holds one map of an image.", path_.string(), image_index));
    }
    const std::uint64_t row = image_indices_.size();
    hdf5::extend(maps_, map_shape(grid_, row + 1));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(map.pixels.data());
    hdf5::write_chunk(maps_, {row, 0, 0}, hdf5::encode_chunk({bytes, map.size() * sizeof(float)}, sizeof(float)));
    image_indices_.push_back(image_index);
}

void MapWriter::finish() {
    hdf5::write_values(file_, "image_index", hdf5::Number::i64, image_indices_.data(), {image_indices_.size()});
    hdf5::flush(file_);
    maps_.close();
    file_.close();
    std::error_code error;
    std::filesystem::rename(partial_, path_, error);
    if (error) {
        throw DataError(fmt::format("{}: cannot be given its name ({}).", path_.string(), error.message()));
    }
}

MapFile::MapFile(std::filesystem::path path) : path_(std::move(path)) {
    file_ = hdf5::open_file(path_);
    maps_ = open_dataset(file_, path_, "maps", "float32 (N, H, W)");
    const hdf5::DatasetInfo maps = hdf5::dataset_info(maps_);
    if (maps.shape.size() != 3 || !(maps.floating || maps.integer) || maps.shape[1] < 1 || maps.shape[2] < 1) {
        throw DataError(
            fmt::format("{}: \"maps\" is of shape {} ({} numbers are expected: N maps of H rows and W "
                        "columns). Write it so.",
                        path_.string(), shape_text(maps.shape), "(N, H, W)"));
    }
    const auto index = open_dataset(file_, path_, "image_index", "int64 (N)");
    const hdf5::DatasetInfo indices = hdf5::dataset_info(index);
    if (indices.shape != Shape{maps.shape[0]} || !indices.integer) {
        throw DataError(
            fmt::format("{}: \"image_index\" is of shape {} ({} whole numbers are expected, one for each "
                        "map). Write the number of each map's image in the corpus.",
                        path_.string(), shape_text(indices.shape), shape_text({maps.shape[0]})));
    }
    image_indices_ = hdf5::read_all<std::int64_t>(file_, "image_index", indices.shape);
    std::set<std::int64_t> seen;
    for (const std::int64_t image : image_indices_) {
        if (!seen.insert(image).second) {
            throw DataError(
                fmt::format("{}: image {} has two maps. Give one map of an image in a file.", path_.string(), image));
        }
    }
    if (image_indices_.empty()) {
        throw DataError(fmt::format("{}: holds no maps. Write at least one.", path_.string()));
    }
    info_.name = hdf5::text_attribute(maps_, "name").value_or(path_.stem().string());
    info_.stage = hdf5::text_attribute(maps_, "stage").value_or("input");
    info_.view = view_of(maps_, path_);
    info_.grid = {static_cast<int>(maps.shape[2]), static_cast<int>(maps.shape[1]),
                  number_of(maps_, path_, "stride_px", 1.0), number_of(maps_, path_, "start_px", 0.0)};
    if (!(info_.grid.stride_px > 0.0)) {
        throw DataError(
            fmt::format("{}: stride_px = {} (it is the distance between two values of a map). Give a "
                        "positive number of pixels of the view.",
                        path_.string(), info_.grid.stride_px));
    }
}

void MapFile::require_fit(std::int64_t image_count, int view_width_px, int view_height_px) const {
    const auto [least, most] = std::minmax_element(image_indices_.begin(), image_indices_.end());
    if (*least < 0 || *most >= image_count) {
        throw DataError(
            fmt::format("{}: image_index holds {} (the corpus has images 0 to {}). Give each map the number "
                        "of its image in the corpus.",
                        path_.string(), *least < 0 ? *least : *most, image_count - 1));
    }
    const StageGrid& grid = info_.grid;
    if (grid.stride_px == 1.0 && grid.start_px == 0.0 &&
        (grid.width != view_width_px || grid.height != view_height_px)) {
        throw DataError(
            fmt::format("{}: maps of {} rows and {} columns (view \"{}\" of this corpus has {} and {}). Write maps of "
                        "shape (N, {}, {}), or say by stride_px and start_px where their values lie.",
                        path_.string(), grid.height, grid.width, to_text(info_.view), view_height_px, view_width_px,
                        view_height_px, view_width_px));
    }
    // Where a grid's outermost values may lie; paddings put some a little outside.
    const auto inside = [&](int units, int view_px) {
        const double last = grid.start_px + (units - 1) * grid.stride_px;
        return grid.start_px >= -2.0 * grid.stride_px && last <= view_px - 1 + 2.0 * grid.stride_px;
    };
    if (!inside(grid.width, view_width_px) || !inside(grid.height, view_height_px)) {
        throw DataError(fmt::format(
            "{}: {} x {} values from {} px on, {} px apart, do not lie in a view of {} x {} px. Give "
            "stride_px and start_px in pixels of the view.",
            path_.string(), grid.width, grid.height, grid.start_px, grid.stride_px, view_width_px, view_height_px));
    }
}

Image<float> MapFile::map(std::int64_t row) const {
    Image<float> map(info_.grid.width, info_.grid.height);
    hdf5::read_block(maps_, {static_cast<std::uint64_t>(row), 0, 0}, map_shape(info_.grid, 1), hdf5::Number::f32,
                     map.pixels.data());
    return map;
}

}  // namespace braggbench
