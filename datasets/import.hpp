// Images of others made into a corpus of ours, so that training, evaluation and inspection work on them: folders by
// class, Hollatz's tables, stacks in HDF5, NXmx and CXI, detector files. docs/import.md says what is found where.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace braggbench {

struct ImportOptions {
    // A CSV file of labels, or else the path of a dataset in HDF5 sources; empty: what lies beside or in the sources.
    std::string labels;
    std::string label;                 // one label for every image; not together with `labels`
    std::string class_column;          // which column of a table is the class
    std::vector<std::string> classes;  // their order; any other label is an error. Empty: as found

    // Stored is round(scale * value + offset). Without them a value that is not a whole number is an error.
    double scale = 1.0;
    double offset = 0.0;
    enum class OutOfRange { error, clip };
    OutOfRange out_of_range = OutOfRange::error;
    // Pixels without a usable value where the first image has one.
    enum class Unusable { error, zero };
    Unusable unusable = Unusable::error;

    enum class Splits { keep, draw };
    Splits splits = Splits::keep;  // those of the sources, drawn where they state none
    double validation_fraction = 0.15;
    double test_fraction = 0.25;
    std::uint64_t seed = 1;

    // Where the files say nothing; what is then still missing is assumed, and said so.
    std::optional<double> wavelength_A;
    std::optional<double> distance_mm;
    std::optional<double> pixel_size_mm;
    std::optional<double> beam_fast_px;
    std::optional<double> beam_slow_px;
    std::optional<double> gain_adu_per_photon;
    std::optional<double> offset_adu;

    int threads = 1;
};

struct ImportSummary {
    std::int64_t images = 0;
    std::vector<std::string> class_names;
    std::vector<std::string> notes;  // what was assumed, drawn or clipped; also in the file, as /entry/process/import
};

// `sources` are folders, files or patterns with * ? []. Writes `output` whole or not at all. Memory does not grow with
// the images, only with their names. `progress(done, total)` is never called twice at once. Throws UsageError for
// options that do not go together, DataError for what cannot be imported, naming the file.
ImportSummary import_corpus(const std::vector<std::filesystem::path>& sources, const std::filesystem::path& output,
                            const ImportOptions& options,
                            const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
