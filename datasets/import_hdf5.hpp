// What an HDF5 file says of its images beside their pixels: labels, splits, and a CXI peak list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/hdf5.hpp"
#include "labels/draw.hpp"
#include "labels/schema.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

struct StackLabels {
    std::vector<std::string> labels;       // one per image
    std::vector<std::string> class_names;  // in the file's order; empty if it has none
    std::vector<Split> splits;             // one per image, or empty
    LabelNames names;                      // of labels beside the class
    std::vector<ImageLabels> further;      // one per image
};

// The labels of a file of `count` images: `dataset`, or if that is empty /entry/labels/class (ours) or /labels (Yang's
// and resonet's files), with the split beside it. Integers are numbers of @names (or of @class_names), or are names
// themselves; text is a name; of a table [count, columns] @names names the columns and `class_column` (else "class",
// else the only one) is taken. The other columns of a table are values; our own files have attributes, values and
// grade. nullopt if the file has none of the usual datasets. Throws DataError naming file and dataset.
std::optional<StackLabels> stack_labels(const std::filesystem::path& path, std::uint64_t count,
                                        const std::string& dataset, const std::string& class_column);

// A CXI peak list: /entry_1/result_1/nPeaks, peakXPosRaw, peakYPosRaw, peakTotalIntensity. Thread-safe.
class CxiPeaks {
public:
    // nullopt if the file has no such list. Throws DataError for a list of another length or shape.
    static std::optional<CxiPeaks> open(const std::filesystem::path& path, std::uint64_t count);
    // All marked visible, in the file's order, positions from the pixel's corner. Throws DataError for numbers that are
    // not finite and for more peaks than columns.
    [[nodiscard]] std::vector<Peak> read(std::uint64_t index) const;

private:
    CxiPeaks() = default;
    hdf5::Handle file_;
    hdf5::Handle x_;
    hdf5::Handle y_;
    hdf5::Handle intensity_;
    std::vector<std::int32_t> counts_;
    std::uint64_t columns_ = 0;
};

}  // namespace braggbench
