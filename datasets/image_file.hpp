// Detector images in the formats people have: read to one type with a mask, write PNG and SMV.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

// One detector image as read: raw values in the file's own units. Masked pixels (negative or above the count cutoff in
// Pilatus files, flagged in an NXmx pixel_mask, the panel gaps of an assembled multi-panel image) have valid == 0 and
// value 0. Float TIFFs: negative and NaN pixels are masked.
struct DetectorImage {
    std::string name;  // the file's name, with "#k" for image k of a stack
    Image<float> values;
    Image<std::uint8_t> valid;           // 1 = usable
    std::optional<double> beam_fast_px;  // as the file's header says, from the outer corner of pixel (0, 0)
    std::optional<double> beam_slow_px;
    std::optional<double> gain_adu_per_photon;  // as the file says: photons = (value - offset) / gain
    std::optional<double> offset_adu;
};

// Formats are told by content, not by name: PNG, TIFF, JPEG, PGM (8/16 bit), HDF5/NXmx and CXI stacks, (mini)CBF
// (multi-panel CBF is assembled from its panels' positions), SMV; all but HDF5 also inside gzip or bzip2. Throws
// DataError: problem, why, what to do; UsageError for an index outside the file's images.
class ImageFile {
public:
    explicit ImageFile(std::filesystem::path path);
    [[nodiscard]] std::int64_t image_count() const { return count_; }
    [[nodiscard]] DetectorImage read(std::int64_t index = 0) const;

private:
    enum class Format { compressed, raster, hdf5, cbf, smv };
    static Format format_of(const std::filesystem::path& path, const std::string& head);

    std::filesystem::path path_;
    Format format_ = Format::hdf5;
    std::int64_t count_ = 1;
};

// 16-bit greyscale PNG of the raw values.
void write_png16(const std::filesystem::path& path, const Image<std::uint16_t>& image);

// SMV (ADSC), 512-byte header, unsigned short, little endian; dxtbx and fabio read its geometry, gain and pedestal.
// Throws UsageError for a detector that SMV cannot describe (several panels, or not square to the beam).
void write_smv(const std::filesystem::path& path, const Image<std::uint16_t>& image, const Experiment& experiment);

}  // namespace braggbench
