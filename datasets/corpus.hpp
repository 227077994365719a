// The corpus file: one HDF5 file that is NeXus NXmx with CXI peak lists, labels, truth and splits (docs/corpus.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "labels/draw.hpp"
#include "labels/schema.hpp"
#include "labels/truth.hpp"
#include "simulator/experiment.hpp"
#include "simulator/image.hpp"
#include "simulator/peak.hpp"

namespace braggbench {

// What the peak tables of a corpus are. No peaks in the list means that there are none only where they are simulated.
enum class PeakSource : std::uint8_t {
    simulated,  // every peak there is, known
    listed,     // what another program found, all marked visible: neither complete nor the truth
    unknown     // nobody has listed any
};

// As /entry/truth@peaks has it.
const char* to_string(PeakSource source);

// Images first to end - 1.
struct ImageRange {
    std::int64_t first = 0;
    std::int64_t end = 0;
    [[nodiscard]] std::int64_t size() const { return end - first; }
    friend bool operator==(const ImageRange&, const ImageRange&) = default;
};

// A corpus file that holds some images of a larger one.
struct CorpusPart {
    std::filesystem::path file;
    ImageRange images;  // of the larger one
};

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
    std::optional<std::int64_t> first_image;  // of a part: which image of its recipe is the first here
    std::string provenance;                   // program version, git commit, library versions
    PeakSource peak_source = PeakSource::simulated;
    std::string import_note;                 // of an imported corpus: what was assumed and how values were converted
    std::vector<std::string> image_sources;  // of an imported corpus: the file of each image, with "#k" in a stack
    // 0 = good, as the file has it. A writer takes an empty one from detector and response.
    Image<std::uint8_t> pixel_mask;
};

// Where the beam (the z axis) meets the panel, in pixels from the outer corner of pixel (0, 0).
Eigen::Vector2d beam_centre_px(const Panel& panel);

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
    std::uint32_t checksum = 0;       // CRC-32 of the pixels as they lie in the file, little endian
};
EncodedRecord encode(CorpusRecord&& record);

// Writes to a temporary name beside `path` and renames it in finish(); a writer destroyed before that removes it.
// Records are appended in image order; the bytes depend only on info and records. Throws DataError if the place cannot
// be written.
class CorpusWriter {
public:
    CorpusWriter(std::filesystem::path path, const CorpusInfo& info);
    // A virtual corpus: everything but the images, which stay in `parts` (all of them, in order); the chunks of the
    // records are not written.
    CorpusWriter(std::filesystem::path path, const CorpusInfo& info, std::vector<CorpusPart> parts);
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
// may come from several threads, which wait for each other only while bytes are fetched from the file, not while they
// are unpacked. Images read lately are kept unpacked, as many as fit into cache_bytes (0 keeps none). Throws DataError
// for what is missing, truncated or not a corpus.
class CorpusReader {
public:
    static constexpr std::size_t default_cache_bytes = std::size_t{64} << 20;
    explicit CorpusReader(std::filesystem::path path, std::size_t cache_bytes = default_cache_bytes);
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
    // The same without a copy, shared with the cache.
    [[nodiscard]] std::shared_ptr<const Image<std::uint16_t>> shared_image(std::int64_t index) const;
    // An image as it is stored, for a writer to copy. Throws DataError where it is missing or its checksum differs.
    [[nodiscard]] std::vector<std::uint8_t> stored_chunk(std::int64_t index) const;
    // Of a virtual corpus; empty if the file holds its images.
    [[nodiscard]] const std::vector<CorpusPart>& parts() const;
    // Of the pixels as they were written (EncodedRecord::checksum); empty in files that have none.
    [[nodiscard]] const std::vector<std::uint32_t>& checksums() const;
    [[nodiscard]] std::vector<Peak> peaks(std::int64_t index) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace braggbench
