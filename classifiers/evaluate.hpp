// What a model's predictions are worth: the metrics of every head, each with interval and chance, beside everything
// that needs no network, and against the strength of what is to be seen. The JSON is described in docs/results.md.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct EvaluationOptions {
    // The baselines that look at images learn from the first so many of the train split; 0 leaves them out.
    std::int64_t baseline_train_images = 4000;
    unsigned threads = 0;  // 0 = one per core; no result depends on it
};

// One task per head. Images whose truth is unknown are left out of that label or value alone, and counted. Throws
// UsageError if the corpus does not have the labels of a head or there are no images, DataError for scores that are not
// finite, or no probabilities where these are needed.
nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus,
                               const EvaluationOptions& options = {});

// Several models on the same images: all of it for each, and every pair compared on every question that both answer
// with yes or no, or with a class (exact McNemar tests, Holm over the pairs of a question). A single one gives the
// above. Throws UsageError if the images differ.
nlohmann::json evaluation_json(std::span<const Predictions> models, const CorpusReader& corpus,
                               const EvaluationOptions& options = {});

}  // namespace braggbench
