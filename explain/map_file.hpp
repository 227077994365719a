// Saliency maps as an HDF5 file, ours or anyone's: one kind of map of some images of a corpus. docs/map-files.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "datasets/hdf5.hpp"
#include "datasets/view_spec.hpp"
#include "explain/registration.hpp"
#include "simulator/image.hpp"

namespace braggbench {

// What is the same for all maps of a file.
struct MapFileInfo {
    std::string name = "map";     // of the method, as tables show it
    std::string stage = "input";  // of the network, as tables show it
    ViewSpec view;                // of the images that the maps are of
    StageGrid grid;               // of the maps on the view
};

// Writes to a temporary name beside `path` and gives it its name in finish(); a writer destroyed before that removes
// it. Throws DataError if the place cannot be written.
class MapWriter {
public:
    MapWriter(std::filesystem::path path, const MapFileInfo& info);
    ~MapWriter();
    MapWriter(const MapWriter&) = delete;
    MapWriter& operator=(const MapWriter&) = delete;

    // Throws UsageError for a map of another size than the grid's, or an image that has one already.
    void append(std::int64_t image_index, const Image<float>& map);
    void finish();

private:
    void close();

    std::filesystem::path path_;
    std::filesystem::path partial_;
    StageGrid grid_;
    std::vector<std::int64_t> image_indices_;
    std::set<std::int64_t> seen_;
    hdf5::Handle file_;
    hdf5::Handle maps_;
};

// Throws DataError for a file that is not laid out so, naming what is wrong and what is expected.
class MapFile {
public:
    explicit MapFile(std::filesystem::path path);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] const MapFileInfo& info() const { return info_; }
    [[nodiscard]] const std::vector<std::int64_t>& image_indices() const { return image_indices_; }
    // Throws DataError unless all images are of a corpus of so many, whose views are of this size.
    void require_fit(std::int64_t image_count, int view_width_px, int view_height_px) const;
    // The map of image_indices()[row], on its grid, as it is in the file; may be called from several threads.
    [[nodiscard]] Image<float> map(std::int64_t row) const;

private:
    std::filesystem::path path_;
    MapFileInfo info_;
    std::vector<std::int64_t> image_indices_;
    hdf5::Handle file_;
    hdf5::Handle maps_;
};

}  // namespace braggbench
