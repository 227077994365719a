#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <Eigen/Geometry>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "datasets/corpus.hpp"
#include "datasets/corpus_columns.hpp"
#include "datasets/corpus_layout.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/manifest.hpp"
#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/faults.hpp"

namespace braggbench {
namespace {

namespace layout = corpus_layout;
using hdf5::Handle;
using hdf5::Shape;
using layout::as_bytes;
using layout::Column;
using layout::CxiTable;

void require(bool ok, const std::string& message) {
    if (!ok) throw UsageError(message);
}

void validate(const CorpusInfo& info) {
    require(
        info.image_count > 0,
        fmt::format("image_count = {} (a corpus holds at least one image). Give a positive number.", info.image_count));
    require(info.width_px > 0 && info.height_px > 0, "A corpus needs images of positive width and height.");
    Faults faults;
    check(info.detector, faults);
    faults.report();
    require(info.detector.image_width_px == info.width_px && info.detector.image_height_px == info.height_px,
            "The detector must assemble to the size of the corpus's images.");
    require(info.wavelength_A > 0.0, "The wavelength of a corpus must be positive.");
    require(!info.class_names.empty(), "A corpus needs at least one class name.");
    require(info.pixel_mask.pixels.empty() ||
                (info.pixel_mask.width == info.width_px && info.pixel_mask.height == info.height_px),
            "The mask must have the size of the corpus's images.");
    require(info.image_sources.empty() || info.image_sources.size() == static_cast<std::size_t>(info.image_count),
            "Either every image of a corpus has a source or none has.");
}

void set_units(const Handle& object, std::string_view units) { hdf5::set_attribute(object, "units", units); }

void write_with_units(const Handle& parent, const std::string& name, double value, std::string_view units) {
    set_units(hdf5::write_number(parent, name, value), units);
}

// A NeXus axis: `value` along or about the unit vector `direction`.
void write_axis(const Handle& parent, const std::string& name, double value_mm, const Eigen::Vector3d& direction,
                std::string_view depends_on) {
    const Handle axis = hdf5::write_values(parent, name, hdf5::Number::f64, &value_mm, {1});
    hdf5::set_attribute(axis, "transformation_type", std::string_view("translation"));
    set_units(axis, "mm");
    hdf5::set_attribute(axis, "vector", std::span<const double>(direction.data(), 3));
    hdf5::set_attribute(axis, "depends_on", depends_on);
}

// `origin_mm` is where the detector's axes lead.
void write_module(const Handle& detector, const std::string& name, const Panel& panel,
                  const Eigen::Vector3d& origin_mm) {
    const Handle module = hdf5::create_group(detector, name, "NXdetector_module");
    const std::int32_t origin[2] = {panel.image_slow_px, panel.image_fast_px};
    const std::int32_t size[2] = {panel.height_px, panel.width_px};
    hdf5::write_values(module, "data_origin", hdf5::Number::i32, origin, {2});
    hdf5::write_values(module, "data_size", hdf5::Number::i32, size, {2});
    const Eigen::Vector3d shift = panel.origin_mm - origin_mm;
    const double shift_mm = shift.norm();
    write_axis(module, "module_offset", shift_mm,
               shift_mm > 0 ? Eigen::Vector3d(shift / shift_mm) : Eigen::Vector3d::UnitX(),
               "/entry/instrument/detector/transformations/det_x");
    const std::string offset = "/entry/instrument/detector/" + name + "/module_offset";
    write_axis(module, "fast_pixel_direction", panel.pixel_size_mm, panel.fast_axis, offset);
    write_axis(module, "slow_pixel_direction", panel.pixel_size_mm, panel.slow_axis, offset);
}

void write_detector(const Handle& instrument, const CorpusInfo& info) {
    const Panel& panel = info.detector.panels.front();
    const Handle detector = hdf5::create_group(instrument, "detector", "NXdetector");
    hdf5::write_text(detector, "description", "simulated area detector");
    hdf5::write_text(detector, "depends_on", "/entry/instrument/detector/transformations/det_x");
    hdf5::write_text(detector, "sensor_material", "Si");
    // dxtbx refuses a thickness of 0; this much moves no spot.
    constexpr double thinnest_um = 1e-3;
    write_with_units(detector, "sensor_thickness", std::max(info.detector.sensor_thickness_um, thinnest_um), "um");
    write_with_units(detector, "simulated_sensor_thickness", info.detector.sensor_thickness_um, "um");
    write_with_units(detector, "simulated_sensor_attenuation_length", info.detector.sensor_attenuation_length_um, "um");
    hdf5::write_number(detector, "saturation_value", info.response.saturation_adu);
    hdf5::write_number(detector, "underload_value", std::int32_t{0});
    hdf5::write_number(detector, "gain_adu_per_photon", info.response.gain_adu_per_photon);
    hdf5::write_number(detector, "read_noise_rms_adu", info.response.read_noise_rms_adu);
    hdf5::write_number(detector, "offset_adu", info.response.offset_adu);
    const Eigen::Vector2d centre = beam_centre_px(panel);
    write_with_units(detector, "beam_center_x", centre.x(), "pixels");
    write_with_units(detector, "beam_center_y", centre.y(), "pixels");
    write_with_units(detector, "distance", panel.origin_mm.z(), "mm");
    write_with_units(detector, "x_pixel_size", panel.pixel_size_mm, "mm");
    write_with_units(detector, "y_pixel_size", panel.pixel_size_mm, "mm");

    const auto width = static_cast<std::uint64_t>(info.width_px);
    const auto height = static_cast<std::uint64_t>(info.height_px);
    const Handle mask = hdf5::create_chunked(detector, "pixel_mask", hdf5::Number::u32, {height, width},
                                             {height, width}, {height, width});
    const Image<std::uint8_t> bits =
        info.pixel_mask.pixels.empty() ? pixel_mask(info.response, info.detector) : info.pixel_mask;
    const std::vector<std::uint32_t> pixels(bits.pixels.begin(), bits.pixels.end());
    hdf5::write_chunk(mask, {0, 0},
                      hdf5::encode_chunk(as_bytes(std::span<const std::uint32_t>(pixels)), sizeof(std::uint32_t)));

    // One axis per coordinate keeps the vectors of unit length, as NeXus asks, and the numbers exact.
    const Handle axes = hdf5::create_group(detector, "transformations", "NXtransformations");
    write_axis(axes, "det_z", panel.origin_mm.z(), Eigen::Vector3d::UnitZ(), ".");
    write_axis(axes, "det_y", panel.origin_mm.y(), Eigen::Vector3d::UnitY(),
               "/entry/instrument/detector/transformations/det_z");
    write_axis(axes, "det_x", panel.origin_mm.x(), Eigen::Vector3d::UnitX(),
               "/entry/instrument/detector/transformations/det_y");

    for (std::size_t number = 0; number < info.detector.panels.size(); ++number) {
        write_module(detector, layout::module_name(number, info.detector.panels.size()), info.detector.panels[number],
                     panel.origin_mm);
    }
}

}  // namespace

Eigen::Vector2d beam_centre_px(const Panel& panel) {
    Eigen::Matrix3d system;
    system.col(0) = panel.fast_axis * panel.pixel_size_mm;
    system.col(1) = panel.slow_axis * panel.pixel_size_mm;
    system.col(2) = -Eigen::Vector3d::UnitZ();
    const Eigen::Vector3d rhs = -panel.origin_mm;
    const Eigen::Vector3d column0 = system.col(0);
    const Eigen::Vector3d column1 = system.col(1);
    const Eigen::Vector3d column2 = system.col(2);
    // Cramer's rule: exact for a panel square to the beam, where an LU factorisation would round.
    const double determinant = column0.dot(column1.cross(column2));
    return {rhs.dot(column1.cross(column2)) / determinant, column0.dot(rhs.cross(column2)) / determinant};
}

EncodedRecord encode(CorpusRecord&& record) {
    EncodedRecord encoded;
    const auto pixels = as_bytes(std::span<const std::uint16_t>(record.image.pixels));
    encoded.chunk = hdf5::encode_chunk(pixels, sizeof(std::uint16_t));
    encoded.checksum = hdf5::crc32(pixels);
    encoded.record = std::move(record);
    // The size stays, so that the writer can check it.
    encoded.record.image.pixels = {};
    return encoded;
}

struct CorpusWriter::State {
    std::filesystem::path path;
    std::filesystem::path partial;
    CorpusInfo info;
    std::vector<CorpusPart> parts;  // which hold the images; empty: this file does
    std::int64_t appended = 0;
    bool finished = false;

    Handle file;
    Handle data;
    Column checksums;
    Column classes;
    Column splits;
    std::vector<Column> attributes;
    std::vector<Column> values;
    Column grades;  // only if graded
    Column groups;
    Column members;
    std::vector<Column> variations;
    std::vector<Column> truth;
    std::vector<Column> drawn;
    Column orientation;
    Column peak_offsets;
    std::vector<Column> peak_columns;
    std::int64_t peaks_appended = 0;

    Column peak_counts;
    Column photon_energies;
    std::vector<CxiTable> cxi_tables;                       // x, y, intensity
    std::vector<std::vector<std::vector<float>>> cxi_rows;  // of images not yet written, per table

    State(std::filesystem::path target, CorpusInfo corpus, std::vector<CorpusPart> image_parts)
        : path(std::move(target)),
          partial(path.string() + ".partial"),
          info(std::move(corpus)),
          parts(std::move(image_parts)) {}

    ~State() {
        if (finished) return;
        close();
        std::error_code ignored;
        std::filesystem::remove(partial, ignored);
    }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    std::vector<Column*> single_columns() {
        return {&checksums, &classes,     &splits,       &grades,      &groups,
                &members,   &orientation, &peak_offsets, &peak_counts, &photon_energies};
    }
    std::vector<std::vector<Column>*> column_lists() {
        return {&attributes, &values, &variations, &truth, &drawn, &peak_columns};
    }

    // HDF5 keeps a file open as long as any object in it is.
    void close() {
        data.close();
        for (Column* column : single_columns()) *column = Column();
        for (std::vector<Column>* columns : column_lists()) columns->clear();
        cxi_tables.clear();
        file.close();
    }

    void create() {
        std::error_code error;
        if (std::filesystem::is_directory(path, error)) {
            throw DataError(fmt::format("{}: is a folder. Name a file to write.", path.string()));
        }
        const int descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor < 0) {
            throw DataError(fmt::format("{}: cannot be written ({}). Choose a folder that exists and is writable.",
                                        path.string(), std::strerror(errno)));
        }
        ::close(descriptor);
        // HDF5 locks what it writes: if another process is writing this corpus, its file is refused here and stays.
        file = hdf5::create_file(partial, parts.empty() ? hdf5::Format::v1_8 : hdf5::Format::v1_10);
        try {
            write_header();
        } catch (...) {
            close();
            std::filesystem::remove(partial, error);
            throw;
        }
    }

    void write_header() {
        const auto count = static_cast<std::uint64_t>(info.image_count);
        const auto width = static_cast<std::uint64_t>(info.width_px);
        const auto height = static_cast<std::uint64_t>(info.height_px);
        hdf5::set_attribute(file, "NX_class", std::string_view("NXroot"));
        hdf5::set_attribute(file, "default", std::string_view("entry"));
        hdf5::set_attribute(file, layout::format_attribute, layout::format_version);
        hdf5::write_number(file, "cxi_version", std::int32_t{160});

        const Handle entry = hdf5::create_group(file, "entry", "NXentry");
        hdf5::set_attribute(entry, "default", std::string_view("data"));
        hdf5::write_text(entry, "definition", "NXmx");
        hdf5::write_text(entry, "recipe", info.recipe_toml);
        hdf5::write_number(entry, "seed", info.seed);
        if (info.first_image) hdf5::write_number(entry, "first_image", *info.first_image);
        const Handle process = hdf5::create_group(entry, "process", "NXprocess");
        hdf5::write_text(process, "program", "braggbench");
        hdf5::write_text(process, "version", info.provenance);
        if (!info.import_note.empty()) hdf5::write_text(process, "import", info.import_note);
        if (!info.image_sources.empty()) {
            hdf5::write_text(process, "image_sources", fmt::format("{}", fmt::join(info.image_sources, "\n")));
        }

        const Handle data_group = hdf5::create_group(entry, "data", "NXdata");
        hdf5::set_attribute(data_group, "signal", std::string_view("data"));
        const Shape shape{count, height, width};
        data = parts.empty()
                   ? hdf5::create_chunked(data_group, "data", hdf5::Number::u16, shape, shape, {1, height, width})
                   : hdf5::create_virtual(data_group, "data", hdf5::Number::u16, shape, virtual_sources());
        checksums = Column::create<std::uint32_t>(data_group, "checksum", nullptr);
        const std::string_view made = info.import_note.empty() ? "simulated" : "imported";
        const Handle sample = hdf5::create_group(entry, "sample", "NXsample");
        hdf5::write_text(sample, "name", made);
        hdf5::write_text(sample, "depends_on", ".");
        const Handle source = hdf5::create_group(entry, "source", "NXsource");
        hdf5::write_text(source, "name", made);
        const Handle instrument = hdf5::create_group(entry, "instrument", "NXinstrument");
        hdf5::write_text(instrument, "name", made);
        const Handle beam = hdf5::create_group(instrument, "beam", "NXbeam");
        // A scalar: dxtbx takes an array for one wavelength per image.
        write_with_units(beam, "incident_wavelength", info.wavelength_A, "angstrom");
        write_detector(instrument, info);

        const Handle labels = hdf5::create_group(entry, "labels", "NXcollection");
        classes = Column::create<std::int32_t>(labels, "class", nullptr);
        hdf5::set_attribute(classes.dataset(), "names", info.class_names);
        splits = Column::create<std::uint8_t>(labels, "split", nullptr);
        hdf5::set_attribute(splits.dataset(), "names", std::vector<std::string>{"train", "validation", "test"});
        write_label_columns(labels);

        const Handle truth_group = hdf5::create_group(entry, "truth", "NXcollection");
        hdf5::set_attribute(truth_group, "peaks", std::string_view(to_string(info.peak_source)));
        const Handle variation_group = hdf5::create_group(truth_group, "variations", "NXcollection");
        hdf5::set_attribute(variation_group, "names", info.variation_names);
        for (const std::string& name : info.variation_names) {
            variations.push_back(Column::create<std::uint8_t>(variation_group, name, nullptr));
        }
        for (const auto& column : truth_columns) {
            truth.push_back(Column::create<float>(truth_group, column.name, column.units));
        }
        orientation = Column::create<float>(truth_group, "orientation", "1", 9);
        const Handle drawn_group = hdf5::create_group(truth_group, "drawn", "NXcollection");
        hdf5::set_attribute(drawn_group, "names", info.drawn_names);
        for (const std::string& name : info.drawn_names) {
            drawn.push_back(Column::create<float>(drawn_group, name.c_str(), units_of(name)));
        }
        const Handle peaks = hdf5::create_group(truth_group, "peaks", "NXcollection");
        peak_offsets = Column::create<std::int64_t>(peaks, "offsets", nullptr);
        layout::for_each_peak_column([&](const char* name, const char* units, auto get, auto) {
            peak_columns.push_back(Column::create<decltype(get(Peak{}))>(peaks, name, units));
        });
        peak_offsets.append(std::int64_t{0});

        const Handle event = hdf5::create_group(entry, "event", "NXcollection");
        photon_energies = Column::create<double>(event, "photon_energy_eV", "eV");
        const Handle result = hdf5::create_group(entry, "result_1", "NXcollection");
        peak_counts = Column::create<std::int32_t>(result, "nPeaks", nullptr);
        for (const char* name : {"peakXPosRaw", "peakYPosRaw", "peakTotalIntensity"}) {
            cxi_tables.emplace_back(result, name, count);
            set_units(cxi_tables.back().dataset(),
                      std::string_view(name) == "peakTotalIntensity" ? "counts" : "pixels");
        }
        cxi_rows.resize(cxi_tables.size());
        hdf5::link_soft(entry, "data_1", "/entry/data");
        hdf5::link_soft(file, "entry_1", "/entry");
    }

    // Named from this file's folder, so that file and parts can be moved together.
    [[nodiscard]] std::vector<hdf5::VirtualSource> virtual_sources() const {
        std::vector<hdf5::VirtualSource> sources;
        for (const CorpusPart& part : parts) {
            sources.push_back({part.file.lexically_proximate(path.parent_path()).string(), "/entry/data/data",
                               static_cast<std::uint64_t>(part.images.first),
                               static_cast<std::uint64_t>(part.images.end)});
        }
        return sources;
    }

    void write_label_columns(const Handle& labels) {
        const Handle attribute_group = hdf5::create_group(labels, "attributes", "NXcollection");
        hdf5::set_attribute(attribute_group, "names", info.labels.attributes);
        for (const std::string& name : info.labels.attributes) {
            attributes.push_back(Column::create<std::uint8_t>(attribute_group, name, nullptr));
        }
        const Handle value_group = hdf5::create_group(labels, "values", "NXcollection");
        hdf5::set_attribute(value_group, "names", info.labels.values);
        for (std::size_t i = 0; i < info.labels.values.size(); ++i) {
            values.push_back(
                Column::create<float>(value_group, info.labels.values[i], info.labels.value_units[i].c_str()));
        }
        if (info.labels.graded) {
            grades = Column::create<std::uint8_t>(labels, "grade", nullptr);
            hdf5::set_attribute(grades.dataset(), "names", layout::grade_names);
        }
        groups = Column::create<std::int64_t>(labels, "group", nullptr);
        members = Column::create<std::int32_t>(labels, "member", nullptr);
        hdf5::set_attribute(members.dataset(), "names", info.member_names);
    }

    void append_labels(const CorpusRecord& record) {
        classes.append(static_cast<std::int32_t>(record.class_index));
        splits.append(static_cast<std::uint8_t>(record.split));
        for (std::size_t i = 0; i < attributes.size(); ++i) attributes[i].append(record.labels.attributes[i]);
        for (std::size_t i = 0; i < values.size(); ++i) values[i].append(record.labels.values[i]);
        if (info.labels.graded) grades.append(static_cast<std::uint8_t>(record.labels.grade));
        groups.append(record.group);
        members.append(static_cast<std::int32_t>(record.member));
        for (std::size_t v = 0; v < variations.size(); ++v) {
            variations[v].append(static_cast<std::uint8_t>(record.variations >> v & 1U));
        }
    }

    void append_peaks(const std::vector<Peak>& peaks) {
        std::size_t column = 0;
        layout::for_each_peak_column([&](const char* name, const char*, auto get, auto) {
            for (const Peak& peak : peaks) {
                const auto value = get(peak);
                if constexpr (std::is_floating_point_v<decltype(get(peak))>) {
                    if (!std::isfinite(value)) {
                        throw std::logic_error(
                            fmt::format("Image {}: the {} of a peak is not finite.", appended, name));
                    }
                }
                peak_columns[column].append(value);
            }
            ++column;
        });
        peaks_appended += static_cast<std::int64_t>(peaks.size());
        peak_offsets.append(peaks_appended);
    }

    void append_cxi_peaks(const std::vector<Peak>& peaks) {
        std::vector<float> fast;
        std::vector<float> slow;
        std::vector<float> photons;
        for (const Peak& peak : peaks) {
            if (!peak.visible || fast.size() == layout::max_cxi_peaks) continue;
            // CXI counts from the centre of pixel (0, 0).
            fast.push_back(peak.fast_px - 0.5F);
            slow.push_back(peak.slow_px - 0.5F);
            photons.push_back(peak.photons);
        }
        peak_counts.append(static_cast<std::int32_t>(fast.size()));
        cxi_rows[0].push_back(std::move(fast));
        cxi_rows[1].push_back(std::move(slow));
        cxi_rows[2].push_back(std::move(photons));
        if (cxi_rows[0].size() == layout::cxi_chunk) write_cxi_rows(appended + 1);
    }

    // `end` is the number of images whose peaks are in the file afterwards.
    void write_cxi_rows(std::int64_t end) {
        for (std::size_t i = 0; i < cxi_tables.size(); ++i) {
            cxi_tables[i].write(static_cast<std::uint64_t>(end) - cxi_rows[i].size(), cxi_rows[i]);
            cxi_rows[i].clear();
        }
    }
};

CorpusWriter::CorpusWriter(std::filesystem::path path, const CorpusInfo& info)
    : CorpusWriter(std::move(path), info, {}) {}

CorpusWriter::CorpusWriter(std::filesystem::path path, const CorpusInfo& info, std::vector<CorpusPart> parts) {
    validate(info);
    state_ = std::make_unique<State>(std::move(path), info, std::move(parts));
    try {
        state_->create();
    } catch (...) {
        state_->finished = true;  // create() removed what it made; somebody else's file must stay
        throw;
    }
}

CorpusWriter::~CorpusWriter() = default;

void CorpusWriter::append(const EncodedRecord& encoded) {
    State& state = *state_;
    const CorpusRecord& record = encoded.record;
    if (state.finished || state.appended >= state.info.image_count) {
        throw std::logic_error(
            fmt::format("{}: more than the {} images announced.", state.path.string(), state.info.image_count));
    }
    if (record.image.width != state.info.width_px || record.image.height != state.info.height_px) {
        throw std::logic_error(fmt::format("Image {} is {} x {} px in a corpus of {} x {} px.", state.appended,
                                           record.image.width, record.image.height, state.info.width_px,
                                           state.info.height_px));
    }
    if (record.class_index < 0 || static_cast<std::size_t>(record.class_index) >= state.info.class_names.size()) {
        throw std::logic_error(fmt::format("Image {}: class {} of {}.", state.appended, record.class_index,
                                           state.info.class_names.size()));
    }
    if (record.drawn.size() != state.info.drawn_names.size()) {
        throw std::logic_error(fmt::format("Image {}: {} drawn values for {} names.", state.appended,
                                           record.drawn.size(), state.info.drawn_names.size()));
    }
    if (record.labels.attributes.size() != state.attributes.size() ||
        record.labels.values.size() != state.values.size()) {
        throw std::logic_error(fmt::format("Image {}: {} attributes and {} values for {} and {} names.", state.appended,
                                           record.labels.attributes.size(), record.labels.values.size(),
                                           state.attributes.size(), state.values.size()));
    }
    if (state.parts.empty()) {
        hdf5::write_chunk(state.data, {static_cast<std::uint64_t>(state.appended), 0, 0}, encoded.chunk);
    }
    state.checksums.append(encoded.checksum);
    state.append_labels(record);
    for (std::size_t i = 0; i < truth_columns.size(); ++i) {
        state.truth[i].append(record.truth.*(truth_columns[i].member));
    }
    for (std::size_t i = 0; i < state.drawn.size(); ++i) state.drawn[i].append(record.drawn[i]);
    state.orientation.append(std::span<const float>(record.truth.orientation));
    state.append_peaks(record.peaks);
    state.photon_energies.append(hc_eV_A / state.info.wavelength_A);
    state.append_cxi_peaks(record.peaks);
    ++state.appended;
}

void CorpusWriter::finish() {
    State& state = *state_;
    if (state.appended != state.info.image_count) {
        throw std::logic_error(fmt::format("{}: {} of the {} images announced were written.", state.path.string(),
                                           state.appended, state.info.image_count));
    }
    if (!state.cxi_rows[0].empty()) state.write_cxi_rows(state.appended);
    for (Column* column : state.single_columns()) column->finish();
    for (std::vector<Column>* columns : state.column_lists()) {
        for (Column& column : *columns) column.finish();
    }
    hdf5::write_text(state.file, layout::manifest_path, make_manifest(state.file));
    hdf5::flush(state.file);
    state.close();
    // The rename must not reach the disk before the content does.
    const int descriptor = ::open(state.partial.c_str(), O_RDONLY | O_CLOEXEC);
    const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int sync_error = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (!synced) {
        throw DataError(fmt::format("{}: cannot be completed ({}). Is the disk full?", state.path.string(),
                                    std::strerror(sync_error)));
    }
    std::error_code error;
    std::filesystem::rename(state.partial, state.path, error);
    if (error) {
        throw DataError(fmt::format("{}: cannot be given its name ({}).", state.path.string(), error.message()));
    }
    state.finished = true;
}

}  // namespace braggbench
