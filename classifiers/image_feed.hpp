// Images of a corpus or a stream as batches of views beside their targets, made as they are needed. Torch header.
#pragma once

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "classifiers/heads.hpp"
#include "datasets/corpus.hpp"
#include "datasets/generate.hpp"
#include "datasets/view.hpp"

namespace braggbench {

struct Batch {
    torch::Tensor photons;  // (n, 1, size, size) float32, of a view
    torch::Tensor targets;  // (n, targets) float32, rows as targets_of() gives them
};

enum class TrainVariation { none, flips, detector };

// How images are varied when they are learned from (classifiers/train_augmentation.hpp).
struct VariationKey {
    TrainVariation variation = TrainVariation::detector;
    std::uint64_t seed = 0;
    int epoch = 0;
};

struct LabelledImage {
    std::shared_ptr<const Image<std::uint16_t>> image;
    std::vector<float> targets;
};

struct LabelledView {
    Image<float> photons;  // a square of the view's size
    std::vector<float> targets;
};

struct FeedOptions {
    ViewSpec view;
    double gain_adu_per_photon = 1.0;
    double offset_adu = 0.0;
    // Views of the first rows stay in memory, as many as fit; the others are made anew each time. What a batch holds
    // does not depend on it.
    std::size_t cache_bytes = std::size_t{4} << 30;
    ImageFrame frame = {};  // corpus_feed() and recipe_feed() set it
};

// Rows of a batch are made on all cores. Views are rounded to float16 (1 in 2048, below the photon noise up to 4
// million) and clamped to what that holds (65 504 photons). Batches throw DataError naming an image with values that
// are not finite.
class ImageFeed {
public:
    // image(row) may be called from several threads; `origin` names the source in messages.
    ImageFeed(std::int64_t row_count, std::function<LabelledImage(std::int64_t)> image, FeedOptions options,
              std::string origin);
    // The same of views that are made already: gain and offset are not looked at, of the view the size alone.
    ImageFeed(std::int64_t row_count, std::function<LabelledView(std::int64_t)> view, FeedOptions options,
              std::string origin);

    [[nodiscard]] std::int64_t row_count() const { return static_cast<std::int64_t>(cache_.size()); }
    // (rows, targets) float32.
    [[nodiscard]] torch::Tensor all_targets() const;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> rows) const;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> rows, const VariationKey& key) const;

private:
    struct Row {
        torch::Tensor view;  // (size, size) float16; undefined until first needed
        std::vector<float> targets;
    };
    [[nodiscard]] Row load(std::int64_t row) const;
    [[nodiscard]] Row at(std::int64_t row) const;
    [[nodiscard]] Batch make(std::span<const std::int64_t> rows, const VariationKey* key) const;

    std::function<LabelledImage(std::int64_t)> image_;
    std::function<LabelledView(std::int64_t)> view_;  // one of the two is empty
    FeedOptions options_;
    std::vector<at::Half> photons_of_value_;  // of images that are seen whole and as they are; empty for other views
    std::string origin_;
    std::size_t cached_rows_ = 0;
    mutable std::vector<Row> cache_;  // each row is written by the one thread that makes it
};

// Rows are the images `indices` of the corpus, which must outlive the feed.
ImageFeed corpus_feed(const CorpusReader& corpus, std::vector<std::int64_t> indices, std::vector<Head> heads,
                      const FeedOptions& options);
// The same of images that no file holds.
ImageFeed recipe_feed(std::shared_ptr<const RecipeSource> source, std::vector<std::int64_t> indices,
                      std::vector<Head> heads, const FeedOptions& options);

}  // namespace braggbench
