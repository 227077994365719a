#include "datasets/view_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

VisibleTruth count_visible(std::span<const Peak> peaks, int hit_min_visible_peaks) {
    VisibleTruth truth;
    std::set<int> lattices;
    for (const Peak& peak : peaks) {
        if (!peak.visible) {
            continue;
        }
        if (peak.kind == PeakKind::protein) {
            ++truth.visible_peaks;
            lattices.insert(peak.lattice);
        } else {
            ++truth.visible_ice_peaks;
        }
    }
    truth.visible_lattices = static_cast<int>(lattices.size());
    truth.hit = truth.visible_peaks >= hit_min_visible_peaks;
    return truth;
}

}  // namespace

LabelSupport supported_labels(std::span<const Peak> native_peaks, const View& view, int hit_min_visible_peaks) {
    if (hit_min_visible_peaks < 1) {
        throw UsageError(fmt::format("a hit of at least {} visible peaks (every image would be one). Give 1 or more.",
                                     hit_min_visible_peaks));
    }
    const std::vector<Peak> inside = peaks_in_view({native_peaks.begin(), native_peaks.end()}, view);
    return {count_visible(native_peaks, hit_min_visible_peaks), count_visible(inside, hit_min_visible_peaks)};
}

ImageTruth truth_in_view(const ImageTruth& native, std::span<const Peak> native_peaks, const View& view) {
    ImageTruth truth = native;
    count_visible(peaks_in_view({native_peaks.begin(), native_peaks.end()}, view), truth);
    return truth;
}

CorpusLabeller::CorpusLabeller(const CorpusReader& corpus)
    : corpus_(&corpus), labeller_(parse_recipe(corpus.info().recipe_toml, corpus.path().string())) {
    for (const std::string& name : corpus.info().drawn_names) drawn_.push_back(corpus.drawn(name));
}

ImageLabels CorpusLabeller::labels(std::int64_t index, const View& view) const {
    const auto at = static_cast<std::size_t>(index);
    const std::vector<Peak> peaks = corpus_->peaks(index);
    std::vector<float> drawn;
    for (const auto& column : drawn_) drawn.push_back(column[at]);
    return labeller_.labels(corpus_->class_indices()[at], corpus_->variations()[at], drawn,
                            truth_in_view(corpus_->truth()[at], peaks, view));
}

std::vector<double> join_tiles(std::span<const std::vector<double>> tiles, TileJoin join,
                               std::span<const std::size_t> signal) {
    if (tiles.empty() || std::any_of(tiles.begin(), tiles.end(),
                                     [&](const auto& tile) { return tile.size() != tiles.front().size(); })) {
        throw UsageError(fmt::format(
            "{} tiles to join (there must be at least one, all with a probability for each class). Predict every tile "
            "with the same model.",
            tiles.size()));
    }
    const std::size_t classes = tiles.front().size();
    if (std::any_of(signal.begin(), signal.end(), [&](std::size_t index) { return index >= classes; })) {
        throw UsageError(
            fmt::format("a class of hits beyond the {} classes of the tiles. Give their indices.", classes));
    }
    std::vector<double> joined(classes, 0.0);
    if (join == TileJoin::mean) {
        for (const auto& tile : tiles) {
            std::transform(tile.begin(), tile.end(), joined.begin(), joined.begin(), std::plus<>());
        }
        for (double& probability : joined) {
            probability /= static_cast<double>(tiles.size());
        }
        return joined;
    }
    if (signal.empty()) {
        for (const auto& tile : tiles) {
            std::transform(tile.begin(), tile.end(), joined.begin(), joined.begin(),
                           [](double a, double b) { return std::max(a, b); });
        }
        return joined;
    }
    const auto evidence = [&](const std::vector<double>& tile) {
        return std::accumulate(signal.begin(), signal.end(), 0.0,
                               [&](double sum, std::size_t index) { return sum + tile[index]; });
    };
    return *std::max_element(tiles.begin(), tiles.end(),
                             [&](const auto& a, const auto& b) { return evidence(a) < evidence(b); });
}

}  // namespace braggbench
