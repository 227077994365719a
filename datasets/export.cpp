#include "datasets/export.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "datasets/export_cbf.hpp"
#include "datasets/export_labels.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/image_file.hpp"
#include "datasets/raster_file.hpp"
#include "datasets/view.hpp"
#include "datasets/view_values.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

using ProgressCall = std::function<void(std::int64_t, std::int64_t)>;

constexpr std::array<const char*, 3> split_names = {"train", "validation", "test"};

// Calls work(i) for each i below count on that many threads; the first exception ends all and is thrown again.
void for_each_image(std::int64_t count, int threads, const ProgressCall& progress,
                    const std::function<void(std::int64_t)>& work) {
    std::atomic<std::int64_t> next{0};
    std::int64_t done = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto run = [&] {
        for (std::int64_t i = next++; i < count; i = next++) {
            try {
                work(i);
                const std::scoped_lock lock(mutex);
                progress(++done, count);
            } catch (...) {
                const std::scoped_lock lock(mutex);
                failure = failure ? failure : std::current_exception();
                next = count;
                return;
            }
        }
    };
    {
        std::vector<std::jthread> workers;
        for (int i = 1; i < threads; ++i) {
            workers.emplace_back(run);
        }
        run();
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

// A folder under a temporary name beside its place, removed unless keep() is reached.
class PendingFolder {
public:
    explicit PendingFolder(const fs::path& place) : place_(place) {
        const fs::path clean = place.has_filename() ? place : place.parent_path();
        std::error_code error;
        if (fs::exists(clean, error) && !(fs::is_directory(clean, error) && fs::is_empty(clean, error))) {
            throw DataError(
                fmt::format("{}: exists already (nothing is overwritten). Name a new folder.", place.string()));
        }
        place_ = clean;
        const fs::path parent = clean.has_parent_path() ? clean.parent_path() : fs::path(".");
        pending_ = parent / fmt::format(".{}.{}.partial", clean.filename().string(), getpid());
        require_writable(pending_);
        make(pending_);
    }
    PendingFolder(const PendingFolder&) = delete;
    PendingFolder& operator=(const PendingFolder&) = delete;
    ~PendingFolder() {
        std::error_code ignored;
        fs::remove_all(pending_, ignored);
    }

    [[nodiscard]] fs::path operator/(const std::string& name) const { return pending_ / name; }
    static void make(const fs::path& folder) {
        std::error_code error;
        fs::create_directories(folder, error);
        if (error) {
            throw DataError(
                fmt::format("{}: cannot be made ({}). Choose another place.", folder.string(), error.message()));
        }
    }
    void keep() const {
        std::error_code error;
        fs::rename(pending_, place_, error);
        if (error) {
            throw DataError(
                fmt::format("{}: cannot be renamed to ({}). Choose another place.", place_.string(), error.message()));
        }
    }

private:
    fs::path place_;
    fs::path pending_;
};

ViewSpec view_of(const ExportOptions& options) {
    const bool detector_file = options.layout == ExportLayout::smv || options.layout == ExportLayout::cbf;
    if (detector_file && options.view) {
        throw UsageError(
            "SMV and CBF hold the detector's own image (their header has its geometry). Leave out the view.");
    }
    ViewSpec native;
    native.framing = Framing::native;
    if (!options.view) {
        return options.layout == ExportLayout::hollatz ? parse_view("native+sqrt+8bit") : native;
    }
    const ViewSpec& view = *options.view;
    validate(view);
    if (view.framing == Framing::tiles || view.framing == Framing::quadrants) {
        throw UsageError(
            fmt::format("view \"{}\" (it makes several images of one, whose labels would not be theirs). Choose a crop "
                        "or downsample.",
                        to_text(view)));
    }
    if (options.layout == ExportLayout::patterns
            ? view.values.bytes
            : !view.values.bytes && (options.layout == ExportLayout::hollatz || view != native)) {
        throw UsageError(
            options.layout == ExportLayout::patterns
                ? fmt::format("view \"{}\" (patterns are photons, not bytes). Leave out 8bit.", to_text(view))
                : fmt::format("view \"{}\" (its values do not fit the whole numbers of this layout). Add a rule for 8 "
                              "bits, such as \"{}+8bit\".",
                              to_text(view), to_text(view)));
    }
    return view;
}

// What every layout asks of a corpus, image by image.
class Source {
public:
    Source(const CorpusReader& corpus, const ExportOptions& options)
        : corpus_(corpus), spec_(view_of(options)), valid_(corpus.info().width_px, corpus.info().height_px) {
        for (std::int64_t i = 0; i < corpus.info().image_count; ++i) {
            if (!options.split || corpus.splits()[static_cast<std::size_t>(i)] == *options.split) {
                indices_.push_back(i);
            }
        }
        if (indices_.empty()) {
            throw UsageError(fmt::format("{}: no image is in the {} split. Choose another.", corpus.path().string(),
                                         split_names[static_cast<std::size_t>(*options.split)]));
        }
        std::ranges::transform(corpus.info().pixel_mask.pixels, valid_.pixels.begin(),
                               [](std::uint8_t masked) { return static_cast<std::uint8_t>(masked == 0 ? 1 : 0); });
    }

    [[nodiscard]] const CorpusReader& corpus() const { return corpus_; }
    [[nodiscard]] const CorpusInfo& info() const { return corpus_.info(); }
    [[nodiscard]] const std::vector<std::int64_t>& indices() const { return indices_; }
    [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(indices_.size()); }
    [[nodiscard]] bool bytes() const { return spec_.values.bytes; }

    [[nodiscard]] View view(std::int64_t index, const Image<std::uint16_t>& values) const {
        const ImageTruth& truth = corpus_.truth()[static_cast<std::size_t>(index)];
        DetectorImage image;
        image.name = fmt::format("{}, image {}", corpus_.path().string(), index);
        image.values = Image<float>(values.width, values.height);
        std::copy(values.pixels.begin(), values.pixels.end(), image.values.pixels.begin());
        image.valid = valid_;
        image.beam_fast_px = static_cast<double>(truth.beam_fast_px);
        image.beam_slow_px = static_cast<double>(truth.beam_slow_px);
        return make_view(image, spec_, info().response.gain_adu_per_photon, info().response.offset_adu,
                         {info().seed, static_cast<std::uint64_t>(index), 0});
    }

    // The whole image, for what is written as it is.
    [[nodiscard]] View whole() const { return {Image<float>(valid_.width, valid_.height), valid_, {}}; }

    // The geometry that SMV and CBF describe: the detector where it was for this image.
    [[nodiscard]] Experiment experiment(std::int64_t index) const {
        const ImageTruth& truth = corpus_.truth()[static_cast<std::size_t>(index)];
        Experiment experiment;
        experiment.beam.wavelength_A = info().wavelength_A;
        experiment.detector = info().detector;
        experiment.response = info().response;
        if (experiment.detector.panels.empty()) {
            return experiment;
        }
        // The beam centre of the first panel, as truth.beam_fast_px counts it; the others move along.
        const Panel first = experiment.detector.panels.front();
        const double fast_px = -first.origin_mm.dot(first.fast_axis) / first.pixel_size_mm;
        const double slow_px = -first.origin_mm.dot(first.slow_axis) / first.pixel_size_mm;
        const Eigen::Vector3d shift_mm =
            first.pixel_size_mm * ((fast_px - static_cast<double>(truth.beam_fast_px)) * first.fast_axis +
                                   (slow_px - static_cast<double>(truth.beam_slow_px)) * first.slow_axis);
        for (Panel& panel : experiment.detector.panels) {
            panel.origin_mm += shift_mm;
        }
        return experiment;
    }

private:
    const CorpusReader& corpus_;
    ViewSpec spec_;
    Image<std::uint8_t> valid_;
    std::vector<std::int64_t> indices_;
};

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text += line;
    }
    return text;
}

// Folder of each class by its index; two classes in one folder would be one.
std::vector<std::string> class_folders(const CorpusInfo& info) {
    std::vector<std::string> folders;
    for (const std::string& name : info.class_names) {
        folders.push_back(folder_name(name));
        if (std::count(folders.begin(), folders.end(), folders.back()) > 1) {
            throw UsageError(
                fmt::format("two classes would share the folder \"{}\" (the second is \"{}\"). Rename one "
                            "in the recipe.",
                            folders.back(), name));
        }
    }
    return folders;
}

void write_raster(const fs::path& path, const Image<std::uint16_t>& image, RasterFormat format) {
    format == RasterFormat::png ? write_png16(path, image) : write_pgm(path, image);
}
void write_raster(const fs::path& path, const Image<std::uint8_t>& image, RasterFormat format) {
    format == RasterFormat::png ? write_png8(path, image) : write_pgm(path, image);
}

void export_diffranet(const Source& source, const fs::path& place, const ExportOptions& options,
                      const ProgressCall& progress) {
    const CorpusReader& corpus = source.corpus();
    const std::vector<std::string> classes = class_folders(source.info());
    const PendingFolder folder(place);
    const auto folder_of = [&](std::int64_t index) {
        const auto at = static_cast<std::size_t>(index);
        return fmt::format("{}/{}", split_names[static_cast<std::size_t>(corpus.splits()[at])],
                           classes[static_cast<std::size_t>(corpus.class_indices()[at])]);
    };
    std::set<std::string> folders;
    for (const std::int64_t index : source.indices()) {
        folders.insert(folder_of(index));
    }
    for (const std::string& name : folders) {
        PendingFolder::make(folder / name);
    }
    const char* ending = options.raster == RasterFormat::png ? "png" : "pgm";
    std::vector<std::string> lines(source.indices().size());
    for_each_image(source.count(), options.threads, progress, [&](std::int64_t i) {
        const std::int64_t index = source.indices()[static_cast<std::size_t>(i)];
        const std::string file = fmt::format("{}/image_{:05}.{}", folder_of(index), index, ending);
        const Image<std::uint16_t> image = corpus.image(index);
        const View view = source.bytes() ? source.view(index, image) : source.whole();
        if (source.bytes()) {
            write_raster(folder / file, as_bytes(view.photons), options.raster);
        } else {
            write_raster(folder / file, image, options.raster);
        }
        lines[static_cast<std::size_t>(i)] =
            csv_line(file, index, corpus, supported_labels(corpus.peaks(index), view, 1));
    });
    replace_file(folder / "labels.csv", csv_header(source.info()) + joined(lines));
    folder.keep();
}

void export_hollatz(const Source& source, const fs::path& place, const ExportOptions& options,
                    const ProgressCall& progress) {
    const HollatzLabels labels(source.corpus());
    const PendingFolder folder(place);
    std::vector<std::string> lines(source.indices().size());
    for_each_image(source.count(), options.threads, progress, [&](std::int64_t i) {
        const std::int64_t index = source.indices()[static_cast<std::size_t>(i)];
        const std::string file = fmt::format("fake_{:05}.pgm", i + 1);
        write_pgm(folder / file, as_bytes(source.view(index, source.corpus().image(index)).photons));
        lines[static_cast<std::size_t>(i)] = labels.line(file, index, source.corpus().peaks(index));
    });
    replace_file(folder / "multiclasses.txt", joined(lines));
    folder.keep();
}

void export_detector_files(const Source& source, const fs::path& place, const ExportOptions& options,
                           const ProgressCall& progress) {
    const PendingFolder folder(place);
    std::vector<std::string> lines(source.indices().size());
    const View whole = source.whole();
    for_each_image(source.count(), options.threads, progress, [&](std::int64_t i) {
        const std::int64_t index = source.indices()[static_cast<std::size_t>(i)];
        const bool smv = options.layout == ExportLayout::smv;
        const std::string file = fmt::format("image_{:05}.{}", index, smv ? "img" : "cbf");
        const Image<std::uint16_t> image = source.corpus().image(index);
        smv ? write_smv(folder / file, image, source.experiment(index))
            : write_minicbf(folder / file, image, source.experiment(index));
        lines[static_cast<std::size_t>(i)] =
            csv_line(file, index, source.corpus(), supported_labels(source.corpus().peaks(index), whole, 1));
    });
    replace_file(folder / "labels.csv", csv_header(source.info()) + joined(lines));
    folder.keep();
}

// Images as chunks of `stack`. HDF5 files depend on the order of writing, so batches are made on all threads and
// written in order; `encoded(i)` is the chunk of the i-th image written.
void write_stack(const hdf5::Handle& stack, std::int64_t count, int threads, const ProgressCall& progress,
                 const std::function<std::vector<std::uint8_t>(std::int64_t)>& encoded) {
    const std::int64_t batch = 8L * std::max(1, threads);
    for (std::int64_t begin = 0; begin < count; begin += batch) {
        std::vector<std::vector<std::uint8_t>> chunks(static_cast<std::size_t>(std::min(batch, count - begin)));
        for_each_image(
            std::ssize(chunks), threads, [](std::int64_t, std::int64_t) {},
            [&](std::int64_t i) { chunks[static_cast<std::size_t>(i)] = encoded(begin + i); });
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            const std::int64_t index = begin + static_cast<std::int64_t>(i);
            hdf5::write_chunk(stack, {static_cast<std::uint64_t>(index), 0, 0}, chunks[i]);
            progress(index + 1, count);
        }
    }
}

template <class T>
std::vector<std::uint8_t> encode_pixels(const Image<T>& image) {
    return hdf5::encode_chunk({reinterpret_cast<const std::uint8_t*>(image.pixels.data()), image.size() * sizeof(T)},
                              sizeof(T));
}

// Which image of the corpus each is, and its split.
void write_origin(const hdf5::Handle& file, const Source& source) {
    std::vector<std::uint8_t> splits;
    for (const std::int64_t index : source.indices()) {
        splits.push_back(static_cast<std::uint8_t>(source.corpus().splits()[static_cast<std::size_t>(index)]));
    }
    const hdf5::Handle split = hdf5::write_values(file, "split", hdf5::Number::u8, splits.data(), {splits.size()});
    hdf5::set_attribute(split, "names", std::vector<std::string>(split_names.begin(), split_names.end()));
    hdf5::write_values(file, "image", hdf5::Number::i64, source.indices().data(), {source.indices().size()});
}

void require_new_file(const fs::path& place) {
    std::error_code error;
    if (fs::exists(place, error)) {
        throw DataError(fmt::format("{}: exists already (nothing is overwritten). Name a new file.", place.string()));
    }
}

void export_patterns(const Source& source, const fs::path& place, const ExportOptions& options,
                     const ProgressCall& progress) {
    const CorpusReader& corpus = source.corpus();
    require_new_file(place);
    replace_file(place, [&](const fs::path& temporary) {
        const hdf5::Handle file = hdf5::create_file(temporary);
        const View first = source.view(source.indices().front(), corpus.image(source.indices().front()));
        const auto height = static_cast<std::uint64_t>(first.photons.height);
        const auto width = static_cast<std::uint64_t>(first.photons.width);
        const hdf5::Shape shape = {static_cast<std::uint64_t>(source.count()), height, width};
        const hdf5::Handle patterns =
            hdf5::create_chunked(file, "patterns", hdf5::Number::f32, shape, shape, {1, height, width});
        hdf5::set_attribute(patterns, "units", "photons");
        write_stack(patterns, source.count(), options.threads, progress, [&](std::int64_t i) {
            const std::int64_t index = source.indices()[static_cast<std::size_t>(i)];
            return encode_pixels(source.view(index, corpus.image(index)).photons);
        });
        std::vector<std::int32_t> labels;
        for (const std::int64_t index : source.indices()) {
            labels.push_back(corpus.class_indices()[static_cast<std::size_t>(index)]);
        }
        const hdf5::Handle written =
            hdf5::write_values(file, "labels", hdf5::Number::i32, labels.data(), {labels.size()});
        hdf5::set_attribute(written, "names", source.info().class_names);
        write_origin(file, source);
        hdf5::flush(file);
    });
}

void export_resonet(const Source& source, const fs::path& place, const ExportOptions& options,
                    const ProgressCall& progress) {
    const CorpusReader& corpus = source.corpus();
    require_new_file(place);
    replace_file(place, [&](const fs::path& temporary) {
        const hdf5::Handle file = hdf5::create_file(temporary);
        // 16-bit values as they are, or bytes in the same type.
        const auto pixels_of = [&](std::int64_t index) {
            Image<std::uint16_t> image = corpus.image(index);
            if (!source.bytes()) return image;
            const Image<std::uint8_t> bytes = as_bytes(source.view(index, image).photons);
            image = Image<std::uint16_t>(bytes.width, bytes.height);
            std::ranges::copy(bytes.pixels, image.pixels.begin());
            return image;
        };
        const Image<std::uint16_t> first = pixels_of(source.indices().front());
        const auto height = static_cast<std::uint64_t>(first.height);
        const auto width = static_cast<std::uint64_t>(first.width);
        const auto count = static_cast<std::uint64_t>(source.count());
        const hdf5::Handle images = hdf5::create_chunked(file, "images", hdf5::Number::u16, {count, height, width},
                                                         {count, height, width}, {1, height, width});
        std::vector<float> labels(count * resonet_label_names().size());
        std::vector<float> geometry(count * resonet_geometry_names().size());
        write_stack(images, source.count(), options.threads, progress, [&](std::int64_t i) {
            const std::int64_t index = source.indices()[static_cast<std::size_t>(i)];
            const auto at = static_cast<std::size_t>(i);
            std::ranges::copy(resonet_labels(corpus, index), &labels[at * resonet_label_names().size()]);
            std::ranges::copy(resonet_geometry(corpus.info()), &geometry[at * resonet_geometry_names().size()]);
            return encode_pixels(pixels_of(index));
        });
        const auto table = [&](const char* name, const std::vector<float>& values,
                               const std::vector<std::string>& columns) {
            hdf5::Handle written =
                hdf5::write_values(file, name, hdf5::Number::f32, values.data(), {count, columns.size()});
            hdf5::set_attribute(written, "names", columns);
            return written;
        };
        hdf5::set_attribute(table("labels", labels, resonet_label_names()), "class_names", source.info().class_names);
        table("geom", geometry, resonet_geometry_names());
        write_origin(file, source);
        hdf5::flush(file);
    });
}

}  // namespace

std::string folder_name(const std::string& class_name) {
    std::string name = class_name;
    std::replace_if(
        name.begin(), name.end(),
        [](char letter) { return letter == '/' || letter == '\\' || (letter >= 0 && letter < ' '); }, '_');
    return name.empty() || name.front() == '.' ? "_" + name : name;
}

std::int64_t export_corpus(const CorpusReader& corpus, const fs::path& place, const ExportOptions& options,
                           const ProgressCall& progress) {
    if (options.threads < 1) {
        throw UsageError(fmt::format("{} threads (there must be at least one). Give a number.", options.threads));
    }
    const Source source(corpus, options);
    switch (options.layout) {
        case ExportLayout::diffranet:
            export_diffranet(source, place, options, progress);
            break;
        case ExportLayout::hollatz:
            export_hollatz(source, place, options, progress);
            break;
        case ExportLayout::smv:
        case ExportLayout::cbf:
            export_detector_files(source, place, options, progress);
            break;
        case ExportLayout::patterns:
            export_patterns(source, place, options, progress);
            break;
        case ExportLayout::resonet:
            export_resonet(source, place, options, progress);
            break;
    }
    return source.count();
}

}  // namespace braggbench
