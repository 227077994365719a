// The spaces a model and its labels span, drawn in the plane and measured, with the status of every label of every
// image: what `embed` writes. docs/results.md, "embedding".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"
#include "explain/embedding/points.hpp"
#include "simulator/error.hpp"

namespace braggbench {

// As Huang et al. 2021 (IEEE TVCG 27, 1312) call the three spaces of a classifier.
enum class Space : std::uint8_t {
    act,  // labels as they are
    fea,  // features: what the last layer of a network sees
    prd   // what the model says of each label
};
std::string to_string(Space space);       // "act", "fea", "prd"
std::string description_of(Space space);  // "labels", "features", "predictions"
Space space_of(const std::string& text);  // throws UsageError

struct EmbedOptions {
    std::vector<Space> spaces = {Space::act, Space::fea, Space::prd};
    Split split = Split::test;
    std::int64_t limit = 5000;  // images at most, chosen by the seed
    double perplexity = 30.0;
    int neighbours = 10;  // for purity, trustworthiness and the list of nearest images
    std::uint64_t seed = 1;
    unsigned threads = 0;  // 0 = one per core; nothing depends on it
};

// (what is being done, done, total)
using EmbedProgress = std::function<void(const std::string&, std::int64_t, std::int64_t)>;

struct EmbeddedSpace {
    Space space = Space::fea;
    std::vector<std::size_t> rows;  // of Embedding::images; images with unknown labels are not in the label space
    Points places;                  // (rows, 2), of t-SNE
};

struct Embedding {
    nlohmann::json json;
    std::vector<std::int64_t> images;  // in the corpus
    std::vector<EmbeddedSpace> spaces;
    std::string csv;  // a line per image: places, class, labels, status, error distances
};

// `features` has a row per image of the predictions, or none (then Space::fea is a UsageError). Throws UsageError if
// there are too few images for the perplexity or the neighbours, or the images are all at one place of a space.
Embedding embed_predictions(const CorpusReader& corpus, const Predictions& predictions, const Points& features,
                            const EmbedOptions& options, const EmbedProgress& progress);

// What is thrown where features are asked for and not known.
UsageError no_features(const std::string& model);

// The images of the split that are embedded, ascending: all, or `limit` of them. Throws UsageError if they are too few.
std::vector<std::int64_t> choose_embedded(const CorpusReader& corpus, const EmbedOptions& options);

}  // namespace braggbench
