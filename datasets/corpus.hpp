// The corpus file: one HDF5 file that is NeXus NXmx with CXI peak lists, labels, truth and splits (docs/corpus.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "labels/draw.hpp"
#include "labels/schema.hpp"
#include "labels/truth.hpp"
#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

// Everything about a corpus that is the same for all its images.
struct CorpusInfo {
    std::int64_t image_count = 0;
    int width_px = 0;
    int height_px = 0;
    double wavelength_A = 0.0;
    Detector detector;  // at the mean beam centre
    DetectorResponse response;
    std::vector<std::string> class_names;
    LabelNames labels;  // beside the class
    std::vector<std::string> variation_names;
    std::vector<std::string> member_names;  // of a matched group; empty without
    std::vector<std::string> drawn_names;   // of what was drawn for each image, such as "crystal.volume_um3"
    std::string recipe_toml;                // the resolved recipe, replayable
    std::uint64_t seed = 0;
    std::string provenance;  // program version, git commit, library versions
};

struct CorpusRecord {
    Image<std::uint16_t> image;
    int class_index = 0;
    Split split = Split::train;
    ImageLabels labels;
    std::uint64_t variations = 0;  // bit v: CorpusInfo::variation_names[v] is there
    std::int64_t group = 0;        // images of one group share what was drawn
    int member = 0;                // which of its group
    ImageTruth truth;
    std::vector<float> drawn;  // one per CorpusInfo::drawn_names
    std::vector<Peak> peaks;   // all listed peaks, brightest first
};

// An image compressed as the file stores it; made on worker threads so that the writer only copies bytes.
struct EncodedRecord {
    std::vector<std::uint8_t> chunk;  // shuffle + deflate level 1
    CorpusRecord record;              // with an empty image
};
EncodedRecord encode(CorpusRecord&& record);

// Writes to a temporary name beside `path` and renames it in finish(); a writer destroyed before that removes it.
// Records are appended in image order; the bytes depend only on info and records. Throws DataError if the place cannot
// be written.
class CorpusWriter {
public:
    CorpusWriter(std::filesystem::path path, const CorpusInfo& info);
    ~CorpusWriter();
    CorpusWriter(const CorpusWriter&) = delete;
    CorpusWriter& operator=(const CorpusWriter&) = delete;

    void append(const EncodedRecord& record);
    void finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Reads a corpus; labels, splits and truth are loaded on opening, images and peaks on request. Thread-safe: calls
// may come from several threads. Throws DataError for what is missing, truncated or not a corpus.
class CorpusReader {
public:
    explicit CorpusReader(std::filesystem::path path);
    ~CorpusReader();
    CorpusReader(CorpusReader&&) noexcept;
    CorpusReader& operator=(CorpusReader&&) noexcept;

    [[nodiscard]] const std::filesystem::path& path() const;
    [[nodiscard]] const CorpusInfo& info() const;
    [[nodiscard]] const std::vector<std::int32_t>& class_indices() const;  // one per image
    [[nodiscard]] const std::vector<Split>& splits() const;
    [[nodiscard]] const std::vector<ImageLabels>& labels() const;
    [[nodiscard]] const std::vector<std::uint64_t>& variations() const;
    [[nodiscard]] const std::vector<std::int64_t>& groups() const;
    [[nodiscard]] const std::vector<std::int32_t>& members() const;
    [[nodiscard]] const std::vector<ImageTruth>& truth() const;
    // What was drawn under this name for each image; empty if the corpus has no such column.
    [[nodiscard]] std::vector<float> drawn(const std::string& name) const;
    [[nodiscard]] std::vector<std::int64_t> indices(Split split) const;
    [[nodiscard]] Image<std::uint16_t> image(std::int64_t index) const;
    [[nodiscard]] std::vector<Peak> peaks(std::int64_t index) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace braggbench
