#include "datasets/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "datasets/corpus.hpp"
#include "datasets/hdf5_image_file.hpp"
#include "datasets/import_catalogue.hpp"
#include "datasets/import_convert.hpp"
#include "datasets/import_geometry.hpp"
#include "datasets/import_hdf5.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

void check(const std::vector<fs::path>& sources, const ImportOptions& options) {
    std::string faults;
    const auto require = [&](bool good, const std::string& fault) {
        if (!good) faults += (faults.empty() ? "" : "\n") + fault;
    };
    const auto positive = [&](const std::optional<double>& value, const char* name) {
        require(!value || (std::isfinite(*value) && *value > 0.0),
                fmt::format("{} = {} (it must be positive). Give another.", name, value.value_or(0.0)));
    };
    require(!sources.empty(), "no sources (there is nothing to import). Name folders or files.");
    require(options.threads >= 1, fmt::format("{} threads (there must be at least one).", options.threads));
    require(std::isfinite(options.scale) && options.scale > 0.0 && std::isfinite(options.offset),
            fmt::format("scale = {}, offset = {} (a scale is positive). Give others.", options.scale, options.offset));
    require(options.validation_fraction >= 0.0 && options.test_fraction >= 0.0 &&
                options.validation_fraction + options.test_fraction < 1.0,
            fmt::format("validation fraction = {}, test fraction = {} (neither is negative, and something is left to "
                        "train on). Give others.",
                        options.validation_fraction, options.test_fraction));
    positive(options.wavelength_A, "wavelength_A");
    positive(options.distance_mm, "distance_mm");
    positive(options.pixel_size_mm, "pixel_size_mm");
    positive(options.gain_adu_per_photon, "gain_adu_per_photon");
    if (!faults.empty()) throw UsageError(faults);
}

// Everything read from the sources, whatever their format; stacks that were read last stay open.
class SourceReader {
public:
    DetectorImage read(const ImportItem& item) {
        DetectorImage image = item.in_stack ? stack(item.file)->images.read(item.index) : ImageFile(item.file).read();
        if (image.values.size() == 0) throw DataError(fmt::format("{}: has no pixels.", item.name()));
        return image;
    }

    // nullopt if the file lists none.
    std::optional<std::vector<Peak>> peaks(const ImportItem& item) {
        if (!item.in_stack) return std::nullopt;
        const auto open = stack(item.file);
        if (!open->peaks) return std::nullopt;
        return open->peaks->read(static_cast<std::uint64_t>(item.index));
    }

    StackGeometry geometry(const ImportItem& item) {
        return item.in_stack ? stack(item.file)->images.geometry() : header_geometry(item.file);
    }

    // Whether the format says which pixels are not to be used, so that some without a value are to be expected.
    bool states_mask(const ImportItem& item) {
        if (item.in_stack) return stack(item.file)->images.states_mask();
        const std::string ending = item.file.extension().string();
        return ending == ".cbf" || ending == ".bz2" || ending == ".gz";
    }

private:
    struct Stack {
        explicit Stack(const fs::path& path)
            : images(path), peaks(CxiPeaks::open(path, static_cast<std::uint64_t>(images.count()))) {}
        Hdf5Images images;
        std::optional<CxiPeaks> peaks;
    };

    std::shared_ptr<Stack> stack(const fs::path& path) {
        constexpr std::size_t kept = 4;
        const std::scoped_lock lock(mutex_);
        const auto found = std::ranges::find(open_, path, &std::pair<fs::path, std::shared_ptr<Stack>>::first);
        if (found != open_.end()) return found->second;
        if (open_.size() == kept) open_.erase(open_.begin());
        open_.emplace_back(path, std::make_shared<Stack>(path));
        return open_.back().second;
    }

    std::mutex mutex_;
    std::vector<std::pair<fs::path, std::shared_ptr<Stack>>> open_;
};

// By class, so that every split has its share of each; the order within a class is drawn.
std::vector<Split> draw_splits(const ImportCatalogue& catalogue, const ImportOptions& options) {
    std::vector<Split> splits(catalogue.items.size(), Split::train);
    for (std::size_t c = 0; c < catalogue.class_names.size(); ++c) {
        std::vector<std::size_t> members;
        for (std::size_t i = 0; i < catalogue.items.size(); ++i) {
            if (catalogue.items[i].class_index == static_cast<int>(c)) members.push_back(i);
        }
        RandomStream random(options.seed, c, Stage::split);
        for (std::size_t i = members.size(); i > 1; --i) {
            const auto other = static_cast<std::size_t>(random.uniform() * static_cast<double>(i));
            std::swap(members[i - 1], members[std::min(other, i - 1)]);
        }
        const auto share = [&](double fraction) {
            return static_cast<std::size_t>(std::llround(fraction * static_cast<double>(members.size())));
        };
        const std::size_t test = std::min(share(options.test_fraction), members.size());
        const std::size_t validation = std::min(share(options.validation_fraction), members.size() - test);
        for (std::size_t i = 0; i < test + validation; ++i) {
            splits[members[i]] = i < test ? Split::test : Split::validation;
        }
    }
    return splits;
}

std::vector<Split> choose_splits(const ImportCatalogue& catalogue, const ImportOptions& options,
                                 std::vector<std::string>& notes) {
    const auto& items = catalogue.items;
    const auto stated = std::ranges::count_if(items, [](const ImportItem& item) { return item.split.has_value(); });
    if (options.splits == ImportOptions::Splits::keep && stated == std::ssize(items)) {
        std::vector<Split> splits;
        for (const ImportItem& item : items) splits.push_back(*item.split);
        return splits;
    }
    if (options.splits == ImportOptions::Splits::keep && stated > 0) {
        const auto without =
            std::ranges::find_if(items, [](const ImportItem& item) { return !item.split.has_value(); });
        throw DataError(
            fmt::format("{}: has no split while {} of {} images have one. State it for all, or draw them "
                        "(--draw-splits).",
                        without->name(), stated, items.size()));
    }
    notes.push_back(fmt::format("splits drawn by class: validation {}, test {}, seed {}", options.validation_fraction,
                                options.test_fraction, options.seed));
    return draw_splits(catalogue, options);
}

struct Prepared {
    EncodedRecord record;
    std::int64_t clipped_px = 0;
    std::int64_t unusable_px = 0;
    std::exception_ptr failure;
};

class Import {
public:
    Import(const std::vector<fs::path>& sources, const fs::path& output, const ImportOptions& options)
        : options_(options), catalogue_(find_images(sources, options)) {
        const auto& items = catalogue_.items;
        std::error_code error;
        for (const ImportItem& item : items) {
            if (item.file == output || (item.in_stack && item.index == 0 && fs::equivalent(item.file, output, error))) {
                throw UsageError(fmt::format("{}: is a source and the output. Name another output.", output.string()));
            }
        }
        splits_ = choose_splits(catalogue_, options, notes_);
        const DetectorImage first = sources_.read(items.front());
        info_.image_count = std::ssize(items);
        info_.width_px = first.values.width;
        info_.height_px = first.values.height;
        mask_ = sources_.states_mask(items.front()) ? mask_of(first)
                                                    : Image<std::uint8_t>(first.values.width, first.values.height);
        const auto masked = std::ranges::count(mask_.pixels, 1);
        if (masked > 0)
            notes_.push_back(fmt::format("{} masked pixels, by {}, stored as 0", masked, items.front().name()));
        listed_peaks_ = std::ranges::all_of(items, [&](const ImportItem& item) {
            // A file's images share one list.
            return item.in_stack && (item.index > 0 || sources_.peaks(item).has_value());
        });
        describe_detector(options, sources_.geometry(items.front()), first, info_, notes_);
        if (options.scale != 1.0 || options.offset != 0.0) {
            notes_.push_back(fmt::format("stored = round({} value + {})", options.scale, options.offset));
        }
        notes_.emplace_back(listed_peaks_ ? "peaks are those that the files list; how complete they are is not known"
                                          : "no peaks are known");
        info_.class_names = catalogue_.class_names;
        info_.labels = catalogue_.labels;
        info_.seed = options.seed;
        info_.provenance = fmt::format("BraggBench {} ({})", version(), git_commit());
        info_.peak_source = listed_peaks_ ? PeakSource::listed : PeakSource::unknown;
        info_.import_note = fmt::format("imported\n{}", fmt::join(notes_, "\n"));
        info_.pixel_mask = mask_;
        for (const ImportItem& item : items) {
            info_.image_sources.push_back(item.name());
            std::ranges::replace(info_.image_sources.back(), '\n', ' ');  // which parts the lines of this list
        }
    }

    void run(const fs::path& output, const std::function<void(std::int64_t, std::int64_t)>& progress) {
        CorpusWriter writer(output, info_);
        const std::int64_t count = info_.image_count;
        const std::int64_t batch = 8L * options_.threads;
        for (std::int64_t begin = 0; begin < count; begin += batch) {
            for (Prepared& prepared : prepare(begin, std::min(batch, count - begin))) {
                // In the order of the images, so that the first odd one is named whatever the threads.
                if (prepared.failure) std::rethrow_exception(prepared.failure);
                clipped_px_ += prepared.clipped_px;
                unusable_px_ += prepared.unusable_px;
                writer.append(prepared.record);
            }
            progress(std::min(begin + batch, count), count);
        }
        writer.finish();
    }

    [[nodiscard]] ImportSummary summary() const {
        ImportSummary summary{info_.image_count, info_.class_names, notes_};
        if (clipped_px_ > 0) summary.notes.push_back(fmt::format("{} pixels clipped to 0 or 65535", clipped_px_));
        if (unusable_px_ > 0)
            summary.notes.push_back(fmt::format("{} pixels without a value stored as 0", unusable_px_));
        return summary;
    }

private:
    std::vector<Prepared> prepare(std::int64_t begin, std::int64_t count) {
        std::vector<Prepared> batch(static_cast<std::size_t>(count));
        std::atomic<std::size_t> next{0};
        const auto work = [&] {
            for (std::size_t i = next++; i < batch.size(); i = next++) {
                try {
                    batch[i] = make(static_cast<std::size_t>(begin) + i);
                } catch (...) {
                    batch[i].failure = std::current_exception();
                }
            }
        };
        {
            std::vector<std::jthread> workers;
            const auto helpers = std::min<std::int64_t>(options_.threads, count) - 1;
            for (std::int64_t i = 0; i < helpers; ++i) workers.emplace_back(work);
            work();
        }
        return batch;
    }

    Prepared make(std::size_t number) {
        const ImportItem& item = catalogue_.items[number];
        const DetectorImage image = sources_.read(item);
        if (image.values.width != info_.width_px || image.values.height != info_.height_px) {
            throw DataError(
                fmt::format("{}: is {} x {} px and {} is {} x {} (images of a corpus share one size). Leave it "
                            "out or bring it to that size.",
                            item.name(), image.values.width, image.values.height, catalogue_.items.front().name(),
                            info_.width_px, info_.height_px));
        }
        ConvertedImage converted = to_counts(image, item.name(), mask_, options_);
        CorpusRecord record;
        record.image = std::move(converted.counts);
        record.class_index = item.class_index;
        record.split = splits_[number];
        record.labels = item.labels;
        const double pixels_x = 0.5 * info_.width_px;
        const double pixels_y = 0.5 * info_.height_px;
        record.truth.beam_fast_px =
            static_cast<float>(options_.beam_fast_px.value_or(image.beam_fast_px.value_or(pixels_x)));
        record.truth.beam_slow_px =
            static_cast<float>(options_.beam_slow_px.value_or(image.beam_slow_px.value_or(pixels_y)));
        if (listed_peaks_) record.peaks = listed_peaks(item);
        return {encode(std::move(record)), converted.clipped_px, converted.unusable_px, nullptr};
    }

    std::vector<Peak> listed_peaks(const ImportItem& item) {
        std::vector<Peak> peaks = sources_.peaks(item).value_or(std::vector<Peak>());
        for (const Peak& peak : peaks) {
            if (peak.fast_px < 0.0F || peak.slow_px < 0.0F || peak.fast_px > static_cast<float>(info_.width_px) ||
                peak.slow_px > static_cast<float>(info_.height_px)) {
                throw DataError(fmt::format("{}: lists a peak at ({}, {}) outside its {} x {} px. Correct the list.",
                                            item.name(), peak.fast_px, peak.slow_px, info_.width_px, info_.height_px));
            }
        }
        std::ranges::stable_sort(peaks, std::ranges::greater{}, &Peak::photons);
        return peaks;
    }

    const ImportOptions& options_;
    ImportCatalogue catalogue_;
    SourceReader sources_;
    std::vector<Split> splits_;
    CorpusInfo info_;
    Image<std::uint8_t> mask_;
    bool listed_peaks_ = false;
    std::vector<std::string> notes_;
    std::int64_t clipped_px_ = 0;
    std::int64_t unusable_px_ = 0;
};

}  // namespace

ImportSummary import_corpus(const std::vector<fs::path>& sources, const fs::path& output, const ImportOptions& options,
                            const std::function<void(std::int64_t, std::int64_t)>& progress) {
    check(sources, options);
    Import import(sources, output, options);
    import.run(output, progress);
    return import.summary();
}

}  // namespace braggbench
