#include "classifiers/peak_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

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

std::vector<std::int64_t> counts_of_csv(const std::filesystem::path& path, const CorpusReader& corpus) {
    const auto lines = read_csv(path);
    const auto file = column(lines, "file", path);
    const auto image = column(lines, "image", path);
    const auto images = corpus.info().image_count;
    std::vector<std::int64_t> counts(static_cast<std::size_t>(images), 0);
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
        ++counts[static_cast<std::size_t>(index)];
    }
    return counts;
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
    if (!hdf5::has_signature(path)) return counts_of_csv(path, corpus);
    const auto file = hdf5::open_file(path);
    const auto counts = hdf5::read_all<std::int32_t>(file, "/entry_1/result_1/nPeaks",
                                                     {static_cast<std::uint64_t>(corpus.info().image_count)});
    return {counts.begin(), counts.end()};
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
