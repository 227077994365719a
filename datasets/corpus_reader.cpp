#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "datasets/corpus.hpp"
#include "datasets/corpus_layout.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/image_cache.hpp"
#include "datasets/part_images.hpp"
#include "simulator/error.hpp"
#include "simulator/faults.hpp"

namespace braggbench {
namespace {

namespace layout = corpus_layout;
using hdf5::Handle;
using hdf5::Shape;

Eigen::Vector3d read_direction(const Handle& file, const std::string& path) {
    const std::vector<double> vector = hdf5::numbers_attribute(hdf5::open(file, path), "vector");
    if (vector.size() != 3) throw DataError(hdf5::describe(file, path) + " has no attribute vector of 3 numbers.");
    return {vector[0], vector[1], vector[2]};
}

Panel read_module(const Handle& file, const std::string& base, const Eigen::Vector3d& origin_mm) {
    const std::vector<std::int32_t> place = hdf5::read_all<std::int32_t>(file, base + "data_origin", {2});
    const std::vector<std::int32_t> size = hdf5::read_all<std::int32_t>(file, base + "data_size", {2});
    Panel panel;
    panel.image_slow_px = place[0];
    panel.image_fast_px = place[1];
    panel.height_px = size[0];
    panel.width_px = size[1];
    panel.pixel_size_mm = hdf5::read_double(file, base + "fast_pixel_direction");
    panel.fast_axis = read_direction(file, base + "fast_pixel_direction");
    panel.slow_axis = read_direction(file, base + "slow_pixel_direction");
    panel.origin_mm =
        origin_mm + hdf5::read_double(file, base + "module_offset") * read_direction(file, base + "module_offset");
    return panel;
}

Detector read_detector(const Handle& file, int width_px, int height_px) {
    const std::string base = "/entry/instrument/detector/";
    const Eigen::Vector3d origin_mm(hdf5::read_double(file, base + "transformations/det_x"),
                                    hdf5::read_double(file, base + "transformations/det_y"),
                                    hdf5::read_double(file, base + "transformations/det_z"));
    Detector detector;
    for (const std::string& name : hdf5::children(file, base)) {
        if (name.starts_with("module")) detector.panels.push_back(read_module(file, base + name + "/", origin_mm));
    }
    detector.image_width_px = width_px;
    detector.image_height_px = height_px;
    detector.sensor_thickness_um = hdf5::read_double(file, base + "simulated_sensor_thickness");
    detector.sensor_attenuation_length_um = hdf5::read_double(file, base + "simulated_sensor_attenuation_length");
    return detector;
}

}  // namespace

const char* to_string(PeakSource source) {
    switch (source) {
        case PeakSource::simulated:
            return "simulated";
        case PeakSource::listed:
            return "listed";
        case PeakSource::unknown:
            return "unknown";
    }
    throw std::logic_error("PeakSource out of range");
}

struct CorpusReader::State {
    std::filesystem::path path;
    CorpusInfo info;
    std::vector<std::int32_t> classes;
    std::vector<Split> splits;
    std::vector<ImageLabels> labels;
    std::vector<std::uint64_t> variations;
    std::vector<std::int64_t> groups;
    std::vector<std::int32_t> members;
    std::vector<ImageTruth> truth;
    std::vector<std::int64_t> peak_offsets;
    Handle file;
    Handle data;
    std::vector<Handle> peak_columns;
    std::vector<std::uint32_t> checksums;
    bool ours = false;                  // chunks as encode() makes them
    std::unique_ptr<PartImages> parts;  // of a virtual corpus
    ImageCache cache;

    State(std::filesystem::path place, std::size_t cache_bytes) : path(std::move(place)), cache(cache_bytes) {}

    [[noreturn]] void reject(const std::string& why) const {
        throw DataError(fmt::format("{}: {}", path.string(), why));
    }

    void open() {
        file = hdf5::open_file(path);
        const std::vector<double> version = hdf5::numbers_attribute(file, layout::format_attribute);
        if (version.empty() || !hdf5::is_dataset(file, "/entry/data/data")) {
            reject(
                "an HDF5 file, but not a BraggBench corpus (no version attribute or no /entry/data/data). "
                "Make one with `braggbench generate`.");
        }
        if (version.front() != layout::format_version) {
            reject(
                fmt::format("a corpus of format version {}, and this program reads version {}. "
                            "Use the program that made it.",
                            version.front(), layout::format_version));
        }
        read_images();
        read_description();
        read_labels();
        read_further_labels();
        read_truth();
        read_drawn_names();
        open_peaks();
    }

    void read_images() {
        data = hdf5::open(file, "/entry/data/data");
        const hdf5::DatasetInfo stack = hdf5::dataset_info(data);
        if (stack.shape.size() != 3 || !stack.integer || stack.element_bytes != sizeof(std::uint16_t) ||
            stack.is_signed) {
            reject("/entry/data/data is not a stack of 16-bit unsigned images.");
        }
        if (stack.shape[0] == 0) reject("holds no images.");
        constexpr std::uint64_t largest_px = 65536;
        if (stack.shape[1] == 0 || stack.shape[2] == 0 || stack.shape[1] > largest_px || stack.shape[2] > largest_px) {
            reject(fmt::format("/entry/data/data has images of {} x {} px.", stack.shape[2], stack.shape[1]));
        }
        info.image_count = static_cast<std::int64_t>(stack.shape[0]);
        info.height_px = static_cast<int>(stack.shape[1]);
        info.width_px = static_cast<int>(stack.shape[2]);
        constexpr int deflate = 1;  // registered HDF5 filter numbers
        constexpr int shuffle = 2;
        ours = stack.chunk == Shape{1, stack.shape[1], stack.shape[2]} && stack.little_endian &&
               stack.filters == std::vector<int>{shuffle, deflate};
        open_parts();
    }

    void open_parts() {
        const std::vector<hdf5::VirtualSource> sources = hdf5::virtual_sources(data);
        if (sources.empty()) return;
        hdf5::require_sources(data);
        std::vector<CorpusPart> found;
        std::int64_t next = 0;
        for (const hdf5::VirtualSource& source : sources) {
            const ImageRange images{static_cast<std::int64_t>(source.first), static_cast<std::int64_t>(source.end)};
            if (images.first != next) break;
            next = images.end;
            found.push_back({path.parent_path() / source.file, images});
        }
        if (next != info.image_count) {
            reject("/entry/data/data is virtual in another way than `braggbench generate` makes it.");
        }
        parts = std::make_unique<PartImages>(std::move(found), info.width_px, info.height_px);
        ours = true;
    }

    void read_description() {
        const std::string base = "/entry/instrument/detector/";
        info.wavelength_A = hdf5::read_double(file, "/entry/instrument/beam/incident_wavelength");
        info.detector = read_detector(file, info.width_px, info.height_px);
        info.response.saturation_adu = hdf5::read_double(file, base + "saturation_value");
        info.response.gain_adu_per_photon = hdf5::read_double(file, base + "gain_adu_per_photon");
        info.response.read_noise_rms_adu = hdf5::read_double(file, base + "read_noise_rms_adu");
        info.response.offset_adu = hdf5::read_double(file, base + "offset_adu");
        read_mask();
        info.recipe_toml = hdf5::read_text(file, "/entry/recipe");
        info.provenance = hdf5::read_text(file, "/entry/process/version");
        info.seed = hdf5::read_u64(file, "/entry/seed");
        if (hdf5::is_dataset(file, layout::first_image_path)) {
            info.first_image = static_cast<std::int64_t>(hdf5::read_u64(file, layout::first_image_path));
        }
        if (hdf5::is_dataset(file, "/entry/process/import")) {
            info.import_note = hdf5::read_text(file, "/entry/process/import");
        }
        if (hdf5::is_dataset(file, "/entry/process/image_sources")) {
            std::istringstream lines(hdf5::read_text(file, "/entry/process/image_sources"));
            for (std::string line; std::getline(lines, line);) info.image_sources.push_back(line);
        }
        if (hdf5::is_dataset(file, layout::checksum_path)) {
            checksums = hdf5::read_all<std::uint32_t>(file, layout::checksum_path,
                                                      {static_cast<std::uint64_t>(info.image_count)});
        }
        Faults faults;
        check(info.detector, faults);
        try {
            faults.report();
        } catch (const UsageError& error) {
            reject(error.what());
        }
        const auto positive = [](double value) { return std::isfinite(value) && value > 0.0; };
        if (!positive(info.wavelength_A) || !positive(info.response.gain_adu_per_photon)) {
            reject("wavelength or gain is not a usable number.");
        }
    }

    void read_mask() {
        info.pixel_mask = Image<std::uint8_t>(info.width_px, info.height_px);
        const std::string place = "/entry/instrument/detector/pixel_mask";
        if (!hdf5::is_dataset(file, place)) return;
        const auto mask = hdf5::read_all<std::uint32_t>(
            file, place, {static_cast<std::uint64_t>(info.height_px), static_cast<std::uint64_t>(info.width_px)});
        std::ranges::transform(mask, info.pixel_mask.pixels.begin(),
                               [](std::uint32_t bits) { return static_cast<std::uint8_t>(bits == 0 ? 0 : 1); });
    }

    void read_labels() {
        const auto count = static_cast<std::uint64_t>(info.image_count);
        info.class_names = hdf5::texts_attribute(hdf5::open(file, "/entry/labels/class"), "names");
        if (info.class_names.empty()) reject("/entry/labels/class has no attribute names.");
        classes = hdf5::read_all<std::int32_t>(file, "/entry/labels/class", {count});
        for (std::size_t i = 0; i < classes.size(); ++i) {
            if (classes[i] < 0 || static_cast<std::size_t>(classes[i]) >= info.class_names.size()) {
                reject(fmt::format("image {} is of class {}, of {} classes.", i, classes[i], info.class_names.size()));
            }
        }
        for (const std::uint8_t split : hdf5::read_all<std::uint8_t>(file, "/entry/labels/split", {count})) {
            if (split > static_cast<std::uint8_t>(Split::test)) reject(fmt::format("unknown split {}.", split));
            splits.push_back(static_cast<Split>(split));
        }
    }

    void read_further_labels() {
        const auto count = static_cast<std::uint64_t>(info.image_count);
        labels.resize(count);
        info.labels.attributes = hdf5::texts_attribute(hdf5::open(file, "/entry/labels/attributes"), "names");
        for (const std::string& name : info.labels.attributes) {
            const auto column = hdf5::read_all<std::uint8_t>(file, "/entry/labels/attributes/" + name, {count});
            for (std::size_t i = 0; i < labels.size(); ++i) {
                if (column[i] > 1 && column[i] != ImageLabels::unknown) {
                    reject(fmt::format("attribute {} of image {} is {} (it is 0, 1 or 255 for unknown).", name, i,
                                       column[i]));
                }
                labels[i].attributes.push_back(column[i]);
            }
        }
        info.labels.values = hdf5::texts_attribute(hdf5::open(file, "/entry/labels/values"), "names");
        for (const std::string& name : info.labels.values) {
            const std::string column_path = "/entry/labels/values/" + name;
            info.labels.value_units.push_back(
                hdf5::text_attribute(hdf5::open(file, column_path), "units").value_or("1"));
            const auto column = hdf5::read_all<float>(file, column_path, {count});
            for (std::size_t i = 0; i < labels.size(); ++i) labels[i].values.push_back(column[i]);
        }
        info.labels.graded = hdf5::is_dataset(file, "/entry/labels/grade");
        if (info.labels.graded) {
            const auto column = hdf5::read_all<std::uint8_t>(file, "/entry/labels/grade", {count});
            for (std::size_t i = 0; i < labels.size(); ++i) {
                if (column[i] > static_cast<std::uint8_t>(Grade::hit)) {
                    reject(fmt::format("grade {} of image {} (it is 0, 1 or 2).", column[i], i));
                }
                labels[i].grade = static_cast<Grade>(column[i]);
            }
        }
        groups = hdf5::read_all<std::int64_t>(file, "/entry/labels/group", {count});
        members = hdf5::read_all<std::int32_t>(file, "/entry/labels/member", {count});
        info.member_names = hdf5::texts_attribute(hdf5::open(file, "/entry/labels/member"), "names");
        variations.resize(count);
        info.variation_names = hdf5::texts_attribute(hdf5::open(file, "/entry/truth/variations"), "names");
        if (info.variation_names.size() > 64) reject("more than 64 variations.");
        for (std::size_t v = 0; v < info.variation_names.size(); ++v) {
            const auto column =
                hdf5::read_all<std::uint8_t>(file, "/entry/truth/variations/" + info.variation_names[v], {count});
            for (std::size_t i = 0; i < variations.size(); ++i) {
                variations[i] |= std::uint64_t{column[i] != 0} << v;
            }
        }
    }

    void read_truth() {
        const auto count = static_cast<std::uint64_t>(info.image_count);
        truth.resize(count);
        // Files of before imports existed are all simulated.
        const std::string peaks =
            hdf5::text_attribute(hdf5::open(file, "/entry/truth"), "peaks").value_or(to_string(PeakSource::simulated));
        bool known = false;
        for (const auto source : {PeakSource::simulated, PeakSource::listed, PeakSource::unknown}) {
            if (peaks != to_string(source)) continue;
            info.peak_source = source;
            known = true;
        }
        if (!known) reject(fmt::format("/entry/truth@peaks is \"{}\".", peaks));
        for (const auto& column : truth_columns) {
            const auto values = hdf5::read_all<float>(file, std::string("/entry/truth/") + column.name, {count});
            for (std::size_t i = 0; i < truth.size(); ++i) truth[i].*(column.member) = values[i];
        }
        const auto rotations = hdf5::read_all<float>(file, "/entry/truth/orientation", {count, 9});
        for (std::size_t i = 0; i < truth.size(); ++i) {
            std::copy_n(rotations.data() + i * 9, 9, truth[i].orientation);
        }
    }

    void read_drawn_names() {
        info.drawn_names = hdf5::texts_attribute(hdf5::open(file, "/entry/truth/drawn"), "names");
        for (const std::string& name : info.drawn_names) {
            hdf5::check_shape(hdf5::open(file, "/entry/truth/drawn/" + name),
                              {static_cast<std::uint64_t>(info.image_count)});
        }
    }

    void open_peaks() {
        const auto count = static_cast<std::uint64_t>(info.image_count);
        peak_offsets = hdf5::read_all<std::int64_t>(file, "/entry/truth/peaks/offsets", {count + 1});
        if (peak_offsets.front() != 0 || !std::is_sorted(peak_offsets.begin(), peak_offsets.end())) {
            reject("/entry/truth/peaks/offsets does not ascend from 0.");
        }
        layout::for_each_peak_column([&](const char* name, const char*, auto, auto) {
            Handle column = hdf5::open(file, std::string("/entry/truth/peaks/") + name);
            hdf5::check_shape(column, {static_cast<std::uint64_t>(peak_offsets.back())});
            peak_columns.push_back(std::move(column));
        });
    }

    [[nodiscard]] std::vector<std::uint8_t> chunk_of(std::int64_t index) const {
        auto chunk = parts ? parts->chunk(index) : hdf5::read_chunk(data, {static_cast<std::uint64_t>(index), 0, 0});
        if (!chunk) reject(fmt::format("image {} is missing or damaged. Make the corpus again.", index));
        return *std::move(chunk);
    }

    [[nodiscard]] Image<std::uint16_t> unpack(std::span<const std::uint8_t> chunk, std::int64_t index) const {
        Image<std::uint16_t> image(info.width_px, info.height_px);
        const std::span<std::uint8_t> bytes(reinterpret_cast<std::uint8_t*>(image.pixels.data()),
                                            image.pixels.size() * sizeof(std::uint16_t));
        if (!hdf5::decode_chunk(chunk, sizeof(std::uint16_t), bytes)) {
            reject(fmt::format("image {} is missing or damaged. Make the corpus again.", index));
        }
        return image;
    }

    [[nodiscard]] Image<std::uint16_t> decode(std::int64_t index) const {
        if (ours) return unpack(chunk_of(index), index);
        Image<std::uint16_t> image(info.width_px, info.height_px);
        const auto row = static_cast<std::uint64_t>(index);
        hdf5::read_block(data, {row, 0, 0},
                         {1, static_cast<std::uint64_t>(image.height), static_cast<std::uint64_t>(image.width)},
                         hdf5::Number::u16, image.pixels.data());
        return image;
    }

    void check_index(std::int64_t index) const {
        if (index < 0 || index >= info.image_count) {
            throw UsageError(
                fmt::format("{}: image {} (it holds images 0 to {}).", path.string(), index, info.image_count - 1));
        }
    }
};

CorpusReader::CorpusReader(std::filesystem::path path, std::size_t cache_bytes)
    : state_(std::make_unique<State>(std::move(path), cache_bytes)) {
    state_->open();
}

CorpusReader::~CorpusReader() = default;
CorpusReader::CorpusReader(CorpusReader&&) noexcept = default;
CorpusReader& CorpusReader::operator=(CorpusReader&&) noexcept = default;

const std::filesystem::path& CorpusReader::path() const { return state_->path; }
const CorpusInfo& CorpusReader::info() const { return state_->info; }
const std::vector<std::int32_t>& CorpusReader::class_indices() const { return state_->classes; }
const std::vector<Split>& CorpusReader::splits() const { return state_->splits; }
const std::vector<ImageLabels>& CorpusReader::labels() const { return state_->labels; }
const std::vector<std::uint64_t>& CorpusReader::variations() const { return state_->variations; }
const std::vector<std::int64_t>& CorpusReader::groups() const { return state_->groups; }
const std::vector<std::int32_t>& CorpusReader::members() const { return state_->members; }
const std::vector<ImageTruth>& CorpusReader::truth() const { return state_->truth; }
const std::vector<std::uint32_t>& CorpusReader::checksums() const { return state_->checksums; }

const std::vector<CorpusPart>& CorpusReader::parts() const {
    static const std::vector<CorpusPart> none;
    return state_->parts ? state_->parts->parts() : none;
}

std::vector<std::uint8_t> CorpusReader::stored_chunk(std::int64_t index) const {
    const State& state = *state_;
    state.check_index(index);
    std::vector<std::uint8_t> chunk = state.chunk_of(index);
    const Image<std::uint16_t> image = state.unpack(chunk, index);
    const std::uint32_t crc = hdf5::crc32(
        {reinterpret_cast<const std::uint8_t*>(image.pixels.data()), image.pixels.size() * sizeof(std::uint16_t)});
    if (state.checksums.empty() || crc != state.checksums[static_cast<std::size_t>(index)]) {
        state.reject(fmt::format("image {} is damaged (its checksum differs). Make the corpus again.", index));
    }
    return chunk;
}

std::vector<float> CorpusReader::drawn(const std::string& name) const {
    if (std::ranges::find(state_->info.drawn_names, name) == state_->info.drawn_names.end()) return {};
    const auto count = static_cast<std::uint64_t>(state_->info.image_count);
    return hdf5::read_all<float>(state_->file, "/entry/truth/drawn/" + name, {count});
}

std::vector<std::int64_t> CorpusReader::indices(Split split) const {
    std::vector<std::int64_t> result;
    for (std::size_t i = 0; i < state_->splits.size(); ++i) {
        if (state_->splits[i] == split) result.push_back(static_cast<std::int64_t>(i));
    }
    return result;
}

std::shared_ptr<const Image<std::uint16_t>> CorpusReader::shared_image(std::int64_t index) const {
    State& state = *state_;
    state.check_index(index);
    if (auto image = state.cache.find(index)) return image;
    auto image = std::make_shared<const Image<std::uint16_t>>(state.decode(index));
    state.cache.insert(index, image);
    return image;
}

Image<std::uint16_t> CorpusReader::image(std::int64_t index) const {
    const State& state = *state_;
    if (state.cache.capacity_bytes() > 0) return *shared_image(index);
    state.check_index(index);
    return state.decode(index);
}

std::vector<Peak> CorpusReader::peaks(std::int64_t index) const {
    const State& state = *state_;
    state.check_index(index);
    const auto first = static_cast<std::uint64_t>(state.peak_offsets[static_cast<std::size_t>(index)]);
    const auto end = static_cast<std::uint64_t>(state.peak_offsets[static_cast<std::size_t>(index) + 1]);
    std::vector<Peak> peaks(end - first);
    if (peaks.empty()) return peaks;
    std::size_t column = 0;
    layout::for_each_peak_column([&](const char*, const char*, auto get, auto set) {
        using Value = decltype(get(Peak{}));
        std::vector<Value> values(peaks.size());
        hdf5::read_block(state.peak_columns[column++], {first}, {end - first}, hdf5::number_of<Value>(), values.data());
        for (std::size_t i = 0; i < peaks.size(); ++i) set(peaks[i], values[i]);
    });
    return peaks;
}

}  // namespace braggbench
