#include "datasets/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "datasets/corpus.hpp"
#include "datasets/corpus_layout.hpp"
#include "datasets/generate.hpp"
#include "datasets/hdf5.hpp"
#include "datasets/manifest.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

namespace layout = corpus_layout;

// More of one kind say no more.
constexpr std::size_t most_faults = 20;

class Verifier {
public:
    Verifier(const std::filesystem::path& path, const VerifyOptions& options,
             const std::function<void(std::int64_t, std::int64_t)>& progress)
        : options_(options), progress_(progress), report_{path, {}, {}} {}

    VerifyReport run() {
        std::optional<CorpusReader> opened;
        check("file", [&](VerifyCheck& result) {
            opened.emplace(report_.path, std::size_t{0});
            result.result = fmt::format("opens as a corpus of {} images, {} x {} px", opened->info().image_count,
                                        opened->info().width_px, opened->info().height_px);
        });
        if (!opened) return report_;
        corpus_ = &*opened;
        const bool replay = !corpus_->info().recipe_toml.empty() && corpus_->info().import_note.empty();
        replayed_ = replay ? std::min(options_.replayed_images, corpus_->info().image_count) : 0;
        check("contents", [&](VerifyCheck& result) { check_manifest(result); });
        if (!corpus_->parts().empty()) check("parts", [&](VerifyCheck& result) { check_parts(result); });
        check("images", [&](VerifyCheck& result) { check_images(result); });
        check("labels", [&](VerifyCheck& result) { check_labels(result); });
        check("peaks", [&](VerifyCheck& result) { check_peaks(result); });
        check("recipe", [&](VerifyCheck& result) { check_recipe(result); });
        return report_;
    }

private:
    template <class Work>
    void check(const char* name, const Work& work) {
        VerifyCheck result{name, "", {}};
        try {
            work(result);
        } catch (const std::exception& error) {
            // Whatever goes wrong, memory that a damaged size asks for included, the file is its cause.
            result.faults.emplace_back(error.what());
        }
        report_.checks.push_back(std::move(result));
    }

    // `fault(i)` is empty for an image in order. On all threads; faults in the order of the images.
    void for_each_image(VerifyCheck& result, const std::function<std::string(std::int64_t)>& fault) {
        const std::int64_t count = corpus_->info().image_count;
        std::vector<std::pair<std::int64_t, std::string>> found;
        std::atomic<std::int64_t> next{0};
        std::mutex mutex;
        const auto work = [&] {
            for (std::int64_t i = next++; i < count; i = next++) {
                std::string text;
                try {
                    text = fault(i);
                } catch (const std::exception& error) {
                    text = error.what();
                }
                const std::scoped_lock lock(mutex);
                if (!text.empty()) found.emplace_back(i, std::move(text));
                progress_(++done_, 2 * count + replayed_);
            }
        };
        {
            std::vector<std::jthread> workers;
            for (int i = 1; i < options_.threads; ++i) workers.emplace_back(work);
            work();
        }
        std::ranges::sort(found);
        for (std::size_t i = 0; i < std::min(found.size(), most_faults); ++i) {
            result.faults.push_back(std::move(found[i].second));
        }
        if (found.size() > most_faults)
            result.faults.push_back(fmt::format("... and {} images more", found.size() - most_faults));
    }

    void check_manifest(VerifyCheck& result) {
        const hdf5::Handle file = hdf5::open_file(report_.path);
        // Fails where damage to a group's index spares the ways to single objects, or hides the manifest.
        (void)hdf5::all_objects(file);
        if (!hdf5::is_dataset(file, layout::manifest_path)) {
            result.result = "no manifest";
            report_.notes.emplace_back(
                "the file has no manifest (it was written before there was one), so that only what "
                "contradicts itself is found");
            return;
        }
        result.faults = manifest_differences(file);
        result.result = "labels, truth and metadata have the checksums they were written with";
    }

    void check_parts(VerifyCheck& result) {
        const std::vector<CorpusPart>& parts = corpus_->parts();
        for (const CorpusPart& part : parts) {
            const CorpusReader reader(part.file, 0);
            const std::string name = part.file.filename().string();
            if (reader.info().recipe_toml != corpus_->info().recipe_toml ||
                reader.info().provenance != corpus_->info().provenance ||
                reader.info().first_image != part.images.first || reader.info().image_count != part.images.size()) {
                result.faults.push_back(fmt::format("{}: is not the part of images {} to {} of this corpus", name,
                                                    part.images.first, part.images.end - 1));
            }
            for (const std::string& fault : manifest_differences(hdf5::open_file(part.file))) {
                result.faults.push_back(fmt::format("{}: {}", name, fault));
            }
        }
        result.result = fmt::format("{} parts, as they were written", parts.size());
    }

    void check_images(VerifyCheck& result) {
        const auto& checksums = corpus_->checksums();
        for_each_image(result, [&](std::int64_t i) -> std::string {
            const Image<std::uint16_t> image = corpus_->image(i);
            if (checksums.empty()) return "";
            const std::uint32_t crc = hdf5::crc32({reinterpret_cast<const std::uint8_t*>(image.pixels.data()),
                                                   image.pixels.size() * sizeof(std::uint16_t)});
            const std::uint32_t expected = checksums[static_cast<std::size_t>(i)];
            if (crc == expected) return "";
            return fmt::format("/entry/data/data: image {} has checksum {:08x}, not {:08x} as it was written with", i,
                               crc, expected);
        });
        result.result = fmt::format("{} images unpack to their size{}", corpus_->info().image_count,
                                    checksums.empty() ? "; the file has no checksums" : " and have their checksums");
    }

    // Ranges are checked on opening; here is what a file may have and should not.
    void check_labels(VerifyCheck& result) {
        const CorpusInfo& info = corpus_->info();
        constexpr std::array<const char*, 3> split_names = {"train", "validation", "test"};
        std::vector<std::array<std::int64_t, 3>> counts(info.class_names.size());
        for (std::size_t i = 0; i < corpus_->splits().size(); ++i) {
            ++counts[static_cast<std::size_t>(corpus_->class_indices()[i])]
                    [static_cast<std::size_t>(corpus_->splits()[i])];
        }
        for (std::size_t c = 0; c < counts.size(); ++c) {
            for (std::size_t s = 0; s < split_names.size(); ++s) {
                if (counts[c][s] == 0) {
                    report_.notes.push_back(
                        fmt::format("no image of class \"{}\" in split {}", info.class_names[c], split_names[s]));
                }
            }
            if (std::ranges::count(info.class_names, info.class_names[c]) > 1) {
                result.faults.push_back(fmt::format("/entry/labels/class@names: \"{}\" twice", info.class_names[c]));
            }
        }
        for (std::size_t i = 0; i < corpus_->truth().size(); ++i) {
            const ImageTruth& truth = corpus_->truth()[i];
            for (const auto& column : truth_columns) {
                if (!std::isfinite(truth.*(column.member)) && result.faults.size() < most_faults) {
                    result.faults.push_back(
                        fmt::format("/entry/truth/{}: image {} has no finite number", column.name, i));
                }
            }
        }
        for (std::size_t i = 0; i < corpus_->labels().size(); ++i) {
            const ImageLabels& labels = corpus_->labels()[i];
            for (std::size_t v = 0; v < labels.values.size() && result.faults.size() < most_faults; ++v) {
                // Not a number is what an undefined value is stored as.
                if (!std::isinf(labels.values[v])) continue;
                result.faults.push_back(
                    fmt::format("/entry/labels/values/{}: image {} has an infinite number", info.labels.values[v], i));
            }
        }
        for (const std::string& name : info.drawn_names) {
            const std::vector<float> values = corpus_->drawn(name);
            const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
            if (bad != values.end()) {
                result.faults.push_back(
                    fmt::format("/entry/truth/drawn/{}: image {} has no finite number", name, bad - values.begin()));
            }
        }
        result.result = fmt::format("every image has one of {} classes and a split", info.class_names.size());
    }

    void check_peaks(VerifyCheck& result) {
        const CorpusInfo& info = corpus_->info();
        const auto count = static_cast<std::uint64_t>(info.image_count);
        const hdf5::Handle file = hdf5::open_file(report_.path);
        const auto listed = hdf5::read_all<std::int32_t>(file, "/entry/result_1/nPeaks", {count});
        std::atomic<std::int64_t> total{0};
        for_each_image(result, [&](std::int64_t i) -> std::string {
            const std::vector<Peak> peaks = corpus_->peaks(i);
            total += std::ssize(peaks);
            std::size_t visible = 0;
            for (std::size_t k = 0; k < peaks.size(); ++k) {
                if (std::string fault = peak_fault(peaks[k]); !fault.empty()) {
                    return fmt::format("/entry/truth/peaks: peak {} of image {} {}", k, i, fault);
                }
                visible += peaks[k].visible ? 1 : 0;
            }
            visible = std::min<std::size_t>(visible, layout::max_cxi_peaks);
            const std::int32_t cxi = listed[static_cast<std::size_t>(i)];
            if (cxi == static_cast<std::int32_t>(visible)) return "";
            return fmt::format("/entry/result_1/nPeaks: image {} lists {} peaks, and {} are visible", i, cxi, visible);
        });
        result.result =
            info.peak_source == PeakSource::unknown ? "none are known" : fmt::format("{} peaks in order", total.load());
    }

    // Only a visible peak must lie in the image: the centroid of one that is cut by the edge need not.
    [[nodiscard]] std::string peak_fault(const Peak& peak) const {
        std::string fault;
        layout::for_each_peak_column([&](const char* name, const char*, auto get, auto) {
            if constexpr (std::is_floating_point_v<decltype(get(peak))>) {
                if (!std::isfinite(get(peak)) && fault.empty()) fault = fmt::format("has no finite {}", name);
            }
        });
        if (!fault.empty()) return fault;
        if (static_cast<int>(peak.kind) > static_cast<int>(PeakKind::powder)) {
            return fmt::format("is of kind {}", static_cast<int>(peak.kind));
        }
        const CorpusInfo& info = corpus_->info();
        const bool inside = peak.fast_px >= 0.0F && peak.slow_px >= 0.0F &&
                            peak.fast_px <= static_cast<float>(info.width_px) &&
                            peak.slow_px <= static_cast<float>(info.height_px);
        if (peak.visible && !inside) {
            return fmt::format("is visible at ({}, {}), outside the image", peak.fast_px, peak.slow_px);
        }
        return "";
    }

    void check_recipe(VerifyCheck& result) {
        const CorpusInfo& info = corpus_->info();
        if (!info.import_note.empty()) {
            result.result = "imported: there is none";
            return;
        }
        if (replayed_ == 0) {
            result.result = "not tried";
            return;
        }
        const Recipe recipe = parse_recipe(info.recipe_toml, report_.path.string() + ", its recipe");
        const std::int64_t first = info.first_image.value_or(0);
        const bool counts = info.first_image ? first >= 0 && first + info.image_count <= recipe.image_count
                                             : info.image_count == recipe.image_count;
        if (!counts || recipe.seed != info.seed) {
            result.faults.push_back(
                fmt::format("/entry/recipe: is of {} images with seed {}, and the corpus has {} with {}",
                            recipe.image_count, recipe.seed, info.image_count, info.seed));
            return;
        }
        const RecipeSource source(recipe);
        std::vector<std::string> differences;
        for (std::int64_t k = 0; k < replayed_; ++k) {
            // The first, the last and others between them.
            const std::int64_t i = replayed_ == 1 ? 0 : k * (info.image_count - 1) / (replayed_ - 1);
            const CorpusRecord made = source.record(first + i);
            if (std::string what = difference(made, i); !what.empty() && differences.size() < most_faults) {
                differences.push_back(fmt::format("image {}: {} differs from what the recipe gives", i, what));
            }
            progress_(++done_, 2 * info.image_count + replayed_);
        }
        result.result = fmt::format("{} of {} images made again, {}", replayed_, info.image_count,
                                    differences.empty() ? "equal to the last bit" : "with differences");
        const std::string here = fmt::format("BraggBench {} ({})", version(), git_commit());
        if (differences.empty() || info.provenance == here) {
            result.faults = std::move(differences);
        } else {
            report_.notes.push_back(fmt::format("{}; the corpus was made by {} and this is {}, so that is no fault",
                                                differences.front(), info.provenance, here));
        }
    }

    [[nodiscard]] std::string difference(const CorpusRecord& made, std::int64_t i) const {
        const auto at = static_cast<std::size_t>(i);
        if (made.class_index != corpus_->class_indices()[at]) return "its class";
        if (made.split != corpus_->splits()[at]) return "its split";
        if (made.image != corpus_->image(i)) return "the image";
        if (made.labels != corpus_->labels()[at]) return "its attributes, values or grade";
        if (made.variations != corpus_->variations()[at] || made.group != corpus_->groups()[at] ||
            made.member != corpus_->members()[at]) {
            return "its variations or group";
        }
        if (std::memcmp(&made.truth, &corpus_->truth()[at], sizeof(ImageTruth)) != 0) return "its truth";
        const std::vector<Peak> peaks = corpus_->peaks(i);
        if (peaks.size() != made.peaks.size()) return "its number of peaks";
        std::string what;
        for (std::size_t k = 0; k < peaks.size(); ++k) {
            layout::for_each_peak_column([&](const char* name, const char*, auto get, auto) {
                if (get(peaks[k]) != get(made.peaks[k]) && what.empty()) what = fmt::format("{} of peak {}", name, k);
            });
        }
        for (std::size_t c = 0; c < corpus_->info().drawn_names.size() && what.empty(); ++c) {
            const std::string& name = corpus_->info().drawn_names[c];
            if (corpus_->drawn(name)[at] != made.drawn[c]) what = name;
        }
        return what;
    }

    const VerifyOptions& options_;
    const std::function<void(std::int64_t, std::int64_t)>& progress_;
    VerifyReport report_;
    const CorpusReader* corpus_ = nullptr;
    std::int64_t replayed_ = 0;
    std::int64_t done_ = 0;
};

}  // namespace

bool VerifyReport::passed() const {
    return std::ranges::all_of(checks, [](const VerifyCheck& check) { return check.faults.empty(); });
}

VerifyReport verify_corpus(const std::filesystem::path& path, const VerifyOptions& options,
                           const std::function<void(std::int64_t, std::int64_t)>& progress) {
    return Verifier(path, options, progress).run();
}

}  // namespace braggbench
