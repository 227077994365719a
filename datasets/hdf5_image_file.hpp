// HDF5 image stacks (NXmx, CXI, or any file with one stack of 2-D images) read one detector image at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "datasets/image_file.hpp"

namespace braggbench {

// True if the file exists and begins with (or holds, after a user block) the HDF5 signature.
bool is_hdf5(const std::filesystem::path& path);

// The geometry that a file states for all its images; what it does not state is left out.
struct StackGeometry {
    std::optional<double> wavelength_A;
    std::optional<double> distance_mm;
    std::optional<double> pixel_size_mm;
};

// A stack kept open, for reading many of its images. Thread-safe. Throws DataError as the functions below do.
class Hdf5Images {
public:
    explicit Hdf5Images(const std::filesystem::path& path);
    ~Hdf5Images();
    Hdf5Images(const Hdf5Images&) = delete;
    Hdf5Images& operator=(const Hdf5Images&) = delete;

    [[nodiscard]] std::int64_t count() const;
    [[nodiscard]] DetectorImage read(std::int64_t index) const;
    // Whether the file, or its type of number, says which pixels are not to be used.
    [[nodiscard]] bool states_mask() const;
    [[nodiscard]] StackGeometry geometry() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Images in the stack. Throws DataError for a file that is not HDF5, is truncated or holds no image stack.
std::int64_t hdf5_image_count(const std::filesystem::path& path);

// Image `index` with the file's mask and beam centre. Throws DataError as above, and for an index outside the stack.
DetectorImage read_hdf5_image(const std::filesystem::path& path, std::int64_t index);

}  // namespace braggbench
