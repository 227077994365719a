// A corpus in the layouts that others read: class folders, a folder with a table of labels, single detector files, one
// stack of patterns. docs/views.md says what each holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "datasets/corpus.hpp"
#include "datasets/view_spec.hpp"

namespace braggbench {

enum class ExportLayout {
    diffranet,  // SPLIT/CLASS/image_00012.png and labels.csv
    hollatz,    // fake_00001.pgm (P5, 8 bit), counted from 1, and multiclasses.txt
    smv,        // image_00012.img and labels.csv
    cbf,        // image_00012.cbf and labels.csv
    patterns,   // one HDF5 file: patterns float32 [N, slow, fast] and labels, as Yang's single-particle set has them
    resonet  // one HDF5 file: images uint16 [N, slow, fast], labels float32 [N, K] and geom float32 [N, 5], as resonet
};

enum class RasterFormat { png, pgm };

struct ExportOptions {
    ExportLayout layout = ExportLayout::diffranet;
    RasterFormat raster = RasterFormat::png;  // of ExportLayout::diffranet
    // What of each image is written. Without one: diffranet the 16-bit values as the detector reports them, hollatz
    // "native+sqrt+8bit", patterns "native"; smv and cbf take none.
    std::optional<ViewSpec> view;
    std::optional<Split> split;  // all without one
    int threads = 1;
};

// Writes `place` (a folder, or the file of patterns) under a temporary name and renames it when complete, image by
// image; the bytes do not depend on the threads. `progress(done, total)` is never called twice at once. Returns the
// number of images. Throws UsageError for options that do not go together and for a corpus that the layout cannot hold,
// DataError if `place` exists already or cannot be written.
std::int64_t export_corpus(const CorpusReader& corpus, const std::filesystem::path& place, const ExportOptions& options,
                           const std::function<void(std::int64_t, std::int64_t)>& progress);

// A class name as a folder: what file systems do not take becomes '_'.
std::string folder_name(const std::string& class_name);

}  // namespace braggbench
