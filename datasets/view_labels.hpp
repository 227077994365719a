// What of an image's labels a view of it still supports, and how predictions for several views become one.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/view.hpp"

namespace braggbench {

// What the truth says of an image, and of what a view shows of it, by one count of visible peaks.
struct VisibleTruth {
    int visible_peaks = 0;      // protein
    int visible_lattices = 0;   // with at least one of them
    int visible_ice_peaks = 0;  // ice and powder
    bool hit = false;           // at least as many visible peaks as asked for
    bool operator==(const VisibleTruth&) const = default;
};
struct LabelSupport {
    VisibleTruth native;
    VisibleTruth view;
    [[nodiscard]] bool hit_kept() const { return native.hit == view.hit; }
    [[nodiscard]] bool lattices_kept() const { return native.visible_lattices == view.visible_lattices; }
    [[nodiscard]] bool ice_kept() const { return (native.visible_ice_peaks > 0) == (view.visible_ice_peaks > 0); }
};

// Recomputes from an image's peaks, in native pixels, what a label rests on. In the view a peak is visible if it is so
// in the image and its centre lies on a valid pixel.
LabelSupport supported_labels(std::span<const Peak> native_peaks, const View& view, int hit_min_visible_peaks);

// The truth of what a view shows: the native image's, with the visible peaks counted anew.
ImageTruth truth_in_view(const ImageTruth& native, std::span<const Peak> native_peaks, const View& view);

// Labels views of a corpus's images by the rules of its recipe. Labels that differ from CorpusReader::labels() are
// those that the view no longer supports.
class CorpusLabeller {
public:
    // Throws UsageError if the corpus' recipe cannot be read.
    explicit CorpusLabeller(const CorpusReader& corpus);

    [[nodiscard]] ImageLabels labels(std::int64_t index, const View& view) const;

private:
    const CorpusReader* corpus_;
    Labeller labeller_;
    std::vector<std::vector<float>> drawn_;  // a column per drawn name
};

// One prediction for an image from those for its tiles: each a probability per class, in the same order. Mean: of each
// class. Max: the whole prediction of the tile with the most probability on the `signal` classes (those of a hit),
// since one tile with spots makes a hit; without signal classes, for attributes that exclude none, each one's maximum.
std::vector<double> join_tiles(std::span<const std::vector<double>> tiles, TileJoin join,
                               std::span<const std::size_t> signal = {});

}  // namespace braggbench
