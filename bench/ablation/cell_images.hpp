// What the network of a cell sees of a corpus' images and what is true of it: one square of each image an epoch,
// whatever the view, so that every view costs the same. Torch header.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "classifiers/image_feed.hpp"
#include "datasets/corpus.hpp"
#include "datasets/view_labels.hpp"
#include "explain/label_truth.hpp"

namespace braggbench {

enum class TruthOf { image, view };

class CellImages {
public:
    // The corpus must outlive it. Throws UsageError where the truth of a view is asked for and the corpus has no recipe
    // or no simulated peaks.
    CellImages(const CorpusReader& corpus, ViewSpec view, TruthOf truth, std::uint64_t seed);

    // Random crops and tiles: an epoch shows another part of an image than the one before.
    [[nodiscard]] bool changes_by_epoch() const;

    // Of epoch 0, the validation's, or later: the view of each image; a random crop drawn anew; of tiles or quadrants
    // one, in turn from one that is drawn by the image.
    [[nodiscard]] ImageFeed feed(std::vector<std::int64_t> indices, std::vector<Head> heads, int epoch,
                                 std::size_t cache_bytes) const;

    // All squares by which an image is answered: one, or every tile.
    [[nodiscard]] std::vector<View> views(std::int64_t index) const;

    // What is true of the image, or of what is visible in `view`; without a view, of what is visible in the image.
    [[nodiscard]] std::vector<float> targets(std::int64_t index, const std::vector<Head>& heads,
                                             const View* view) const;
    // The same of the whole image, whatever TruthOf says.
    [[nodiscard]] std::vector<float> image_targets(std::int64_t index, const std::vector<Head>& heads) const;

    [[nodiscard]] const ViewSpec& view() const { return view_; }
    [[nodiscard]] const CorpusReader& corpus() const { return *corpus_; }

private:
    [[nodiscard]] std::vector<View> views(std::int64_t index, int epoch) const;
    [[nodiscard]] ImageLabels visible_labels(std::int64_t index, const View& view) const;

    const CorpusReader* corpus_;
    ViewSpec view_;
    HeadSource source_;
    std::uint64_t seed_;
    std::shared_ptr<const CorpusLabeller> labeller_;  // null: the truth is the image's
    std::vector<LabelTruth> about_;                   // per attribute
};

// Visible peaks of the kind that a label is about: of the protein, of further lattices, or of ice.
double visible_count(const ImageTruth& truth, LabelTruth about);

}  // namespace braggbench
