#include "classifiers/peak_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "classifiers/csv.hpp"
#include "datasets/hdf5.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

std::size_t column(const std::vector<CsvLine>& lines, const std::string& name, const std::filesystem::path& path) {
    const auto& header = lines.front().cells;
    const auto found = std::ranges::find(header, name);
    if (found == header.end()) {
        throw DataError(
            fmt::format("{}:{}: no column {} (a peak list has a line per peak, with file and image). Give one "
                        "that `braggbench find-peaks CORPUS` wrote.",
                        path.string(), lines.front().number, name));
    }
    return static_cast<std::size_t>(std::distance(header.begin(), found));
}

// The image that each line of a list is about, in the corpus.
template <class Use>
void for_each_csv_peak(const std::vector<CsvLine>& lines, const std::filesystem::path& path, const CorpusReader& corpus,
                       const Use& use) {
    const auto file = column(lines, "file", path);
    const auto image = column(lines, "image", path);
    const auto images = corpus.info().image_count;
    for (const auto& line : std::span(lines).subspan(1)) {
        if (line.cells[file] != lines[1].cells[file]) {
            throw DataError(fmt::format(
                "{}:{}: peaks of {} after those of {} (a list is of one corpus). Give the list that "
                "`braggbench find-peaks {}` writes.",
                path.string(), line.number, line.cells[file], lines[1].cells[file], corpus.path().string()));
        }
        const std::string& text = line.cells[image];
        std::int64_t index = -1;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), index);
        if (read.ec != std::errc() || read.ptr != text.data() + text.size() || index < 0 || index >= images) {
            throw DataError(fmt::format("{}:{}: image \"{}\" ({} has images 0 to {}). Find the peaks of this corpus.",
                                        path.string(), line.number, text, corpus.path().string(), images - 1));
        }
        use(line, static_cast<std::size_t>(index));
    }
}

std::vector<std::int64_t> counts_of_csv(const std::filesystem::path& path, const CorpusReader& corpus) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(corpus.info().image_count), 0);
    for_each_csv_peak(read_csv(path), path, corpus, [&](const CsvLine&, std::size_t image) { ++counts[image]; });
    return counts;
}

using PeakPositions = std::vector<std::vector<PixelPosition>>;

double pixels(const std::string& text, int line, const std::filesystem::path& path) {
    double value = 0.0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && std::isfinite(value)) return value;
    throw DataError(
        fmt::format("{}:{}: \"{}\" is no position (pixels are numbers). Correct the line.", path.string(), line, text));
}

void require_inside(const PixelPosition& place, const CorpusReader& corpus, const std::string& where) {
    const auto& info = corpus.info();
    if (place.fast_px >= 0.0 && place.fast_px <= info.width_px && place.slow_px >= 0.0 &&
        place.slow_px <= info.height_px) {
        return;
    }
    throw DataError(fmt::format(
        "{}: a peak at ({}, {}) px (the images of {} have {} x {} px). Give fast and slow in pixels of this "
        "corpus, from the outer corner of the first.",
        where, place.fast_px, place.slow_px, corpus.path().string(), info.width_px, info.height_px));
}

PeakPositions positions_of_csv(const std::filesystem::path& path, const CorpusReader& corpus) {
    const auto lines = read_csv(path);
    const auto fast = column(lines, "fast_px", path);
    const auto slow = column(lines, "slow_px", path);
    PeakPositions peaks(static_cast<std::size_t>(corpus.info().image_count));
    for_each_csv_peak(lines, path, corpus, [&](const CsvLine& line, std::size_t image) {
        const PixelPosition place{pixels(line.cells[fast], line.number, path),
                                  pixels(line.cells[slow], line.number, path)};
        require_inside(place, corpus, fmt::format("{}:{}", path.string(), line.number));
        peaks[image].push_back(place);
    });
    return peaks;
}

// CXI counts from the centre of pixel (0, 0).
PeakPositions positions_of_cxi(const std::filesystem::path& path, const CorpusReader& corpus) {
    const auto file = hdf5::open_file(path);
    const auto images = static_cast<std::uint64_t>(corpus.info().image_count);
    const auto counts = hdf5::read_all<std::int32_t>(file, "/entry_1/result_1/nPeaks", {images});
    const auto shape = hdf5::dataset_info(hdf5::open(file, "/entry_1/result_1/peakXPosRaw")).shape;
    const std::uint64_t most = shape.size() == 2 ? shape[1] : 0;
    const auto fast = hdf5::read_all<float>(file, "/entry_1/result_1/peakXPosRaw", {images, most});
    const auto slow = hdf5::read_all<float>(file, "/entry_1/result_1/peakYPosRaw", {images, most});
    PeakPositions peaks(images);
    for (std::size_t i = 0; i < images; ++i) {
        if (counts[i] < 0 || static_cast<std::uint64_t>(counts[i]) > most) {
            throw DataError(fmt::format("{}: image {} has {} peaks (there is room for {}). Write the file anew.",
                                        path.string(), i, counts[i], most));
        }
        for (std::size_t p = 0; p < static_cast<std::size_t>(counts[i]); ++p) {
            const PixelPosition place{static_cast<double>(fast[i * most + p]) + 0.5,
                                      static_cast<double>(slow[i * most + p]) + 0.5};
            require_inside(place, corpus, fmt::format("{}: image {}", path.string(), i));
            peaks[i].push_back(place);
        }
    }
    return peaks;
}

// CrystFEL's stream (https://www.desy.de/~twhite/crystfel/manual-crystfel_geometry.html counts fs and ss from the
// corner of a panel's first pixel): of each chunk the event "//N" and the peaks of the search.
PeakPositions positions_of_stream(const std::filesystem::path& path, const CorpusReader& corpus) {
    std::ifstream file(path);
    if (!file) {
        throw DataError(
            fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", path.string()));
    }
    PeakPositions peaks(static_cast<std::size_t>(corpus.info().image_count));
    std::vector<PixelPosition>* of_event = nullptr;
    bool listing = false;
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        if (line.starts_with("----- Begin chunk")) {
            of_event = nullptr;
        } else if (line.starts_with("Event:")) {
            const auto slashes = line.find("//");
            const std::string text = slashes == std::string::npos ? "" : line.substr(slashes + 2);
            std::int64_t index = -1;
            const auto read = std::from_chars(text.data(), text.data() + text.size(), index);
            if (read.ec != std::errc() || index < 0 || index >= corpus.info().image_count) {
                throw DataError(fmt::format("{}:{}: \"{}\" ({} has the events //0 to //{}). Run it on this corpus.",
                                            path.string(), number, line, corpus.path().string(),
                                            corpus.info().image_count - 1));
            }
            of_event = &peaks[static_cast<std::size_t>(index)];
        } else if (line.starts_with("Peaks from peak search")) {
            listing = true;
            std::getline(file, line);  // the names of the columns
            ++number;
        } else if (line.starts_with("End of peak list")) {
            listing = false;
        } else if (listing) {
            if (of_event == nullptr) {
                throw DataError(
                    fmt::format("{}:{}: a peak before its chunk's Event (whose is it?). Run it on this "
                                "corpus' HDF5 file, where every image is an event.",
                                path.string(), number));
            }
            std::istringstream cells(line);
            std::string fast;
            std::string slow;
            cells >> fast >> slow;
            const PixelPosition place{pixels(fast, number, path), pixels(slow, number, path)};
            require_inside(place, corpus, fmt::format("{}:{}", path.string(), number));
            of_event->push_back(place);
        }
    }
    return peaks;
}

std::vector<int> hits(const CorpusReader& corpus, std::span<const Head> heads, std::span<const std::int64_t> images) {
    std::vector<int> truth;
    for (const auto& row : truth_of(corpus, heads, images)) truth.push_back(static_cast<int>(row.front()));
    return truth;
}

std::int64_t best_threshold(std::span<const std::int64_t> counts, std::span<const int> truth) {
    const auto of_truth = [&](int wanted) {
        std::vector<std::int64_t> part;
        for (std::size_t i = 0; i < truth.size(); ++i) {
            if (truth[i] == wanted) part.push_back(counts[i]);
        }
        std::ranges::sort(part);
        return part;
    };
    const auto miss_counts = of_truth(0);
    const auto hit_counts = of_truth(1);
    const auto share_below = [](const std::vector<std::int64_t>& sorted, std::int64_t threshold) {
        return static_cast<double>(std::distance(sorted.begin(), std::ranges::lower_bound(sorted, threshold))) /
               static_cast<double>(sorted.size());
    };
    std::int64_t best = 1;
    double highest = -1.0;
    std::vector<std::int64_t> candidates = {1};
    for (const auto count : counts) candidates.push_back(count + 1);
    std::ranges::sort(candidates);
    for (const auto threshold : candidates) {
        const double sum = share_below(miss_counts, threshold) + 1.0 - share_below(hit_counts, threshold);
        if (sum <= highest) continue;
        highest = sum;
        best = threshold;
    }
    return best;
}

}  // namespace

std::vector<std::int64_t> read_peak_counts(const std::filesystem::path& path, const CorpusReader& corpus) {
    if (path.extension() == ".stream") {
        std::vector<std::int64_t> counts;
        for (const auto& peaks : positions_of_stream(path, corpus)) counts.push_back(std::ssize(peaks));
        return counts;
    }
    if (!hdf5::has_signature(path)) return counts_of_csv(path, corpus);
    const auto file = hdf5::open_file(path);
    const auto counts = hdf5::read_all<std::int32_t>(file, "/entry_1/result_1/nPeaks",
                                                     {static_cast<std::uint64_t>(corpus.info().image_count)});
    return {counts.begin(), counts.end()};
}

std::vector<std::vector<PixelPosition>> read_peak_positions(const std::filesystem::path& path,
                                                            const CorpusReader& corpus) {
    if (path.extension() == ".stream") return positions_of_stream(path, corpus);
    if (hdf5::has_signature(path)) return positions_of_cxi(path, corpus);
    return positions_of_csv(path, corpus);
}

Predictions hits_by_peak_count(const std::string& name, std::span<const std::int64_t> counts,
                               const CorpusReader& corpus, Split split) {
    Predictions predictions;
    const std::vector<std::string> texts = {"hit"};
    predictions.heads = make_heads(texts, head_source(corpus));
    predictions.split = split;
    predictions.image_indices = corpus.indices(split);

    const auto validation = corpus.indices(Split::validation);
    const auto truth = hits(corpus, predictions.heads, validation);
    if (std::ranges::count(truth, 0) == 0 || std::ranges::count(truth, 1) == 0) {
        throw UsageError(
            fmt::format("{}: its validation split has not both hits and misses (how many peaks make a hit is "
                        "chosen on it). Use a corpus that has.",
                        corpus.path().string()));
    }
    std::vector<std::int64_t> validation_counts;
    for (const auto image : validation) validation_counts.push_back(counts[static_cast<std::size_t>(image)]);
    const auto threshold = best_threshold(validation_counts, truth);
    predictions.model = fmt::format("{}, a hit from {} peaks on", name, threshold);
    for (const auto image : predictions.image_indices) {
        const auto n = static_cast<double>(counts[static_cast<std::size_t>(image)]);
        const auto hit = static_cast<float>(n / (n + static_cast<double>(threshold) - 0.5));
        predictions.scores.push_back({1.0F - hit, hit});
    }
    return predictions;
}

}  // namespace braggbench
