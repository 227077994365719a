// Trains a zoo model on a corpus' train split, choosing the epoch by the validation split; the test split is not read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "classifiers/checkpoint.hpp"
#include "classifiers/epoch_result.hpp"
#include "classifiers/train_options.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct TrainCalls {
    std::function<void(std::int64_t done_images, std::int64_t total_images, int epoch)> progress;  // after every batch
    std::function<void(const EpochResult&)> on_epoch;
    std::function<void(const std::string&)> note;  // what was taken from TrainOptions::init and what was not
};

// Throws UsageError for bad options, heads that the corpus has no labels for, or divergence; DataError for a corpus
// without a train or validation split, without images of a class, or files that cannot be read or written.
TrainedModel train(const CorpusReader& corpus, const TrainOptions& options, const TrainCalls& calls = {});

// The same on a stream of the recipe: every epoch is a block of fresh images (datasets/recipe_stream.hpp), each made
// when it is needed, and the epoch is chosen by the validation split of the recipe's corpus, so that `evaluate` on a
// generated corpus judges images that were never trained on.
TrainedModel train_on_stream(const Recipe& recipe, const TrainOptions& options, const TrainCalls& calls = {});

}  // namespace braggbench
