// Trains a zoo model on a corpus' train split, choosing the epoch by the validation split; the test split is not read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct TrainOptions {
    std::string model = "compact";
    int epochs = 14;
    int batch_size = 16;
    double learning_rate = 4e-3;
    double weight_decay = 1e-4;
    std::uint64_t seed = 1;
    int view_size_px = 0;              // 0 = the corpus' image size
    std::filesystem::path checkpoint;  // rewritten after every epoch; resumed from with `resume`
    bool resume = false;
};

struct EpochResult {
    int epoch = 0;
    double train_loss = 0.0;
    double validation_loss = 0.0;
    double train_accuracy = 0.0;
    double validation_accuracy = 0.0;
    double images_per_s = 0.0;
};

// `progress(done_images, total_images, epoch)` after every batch; `on_epoch` after every epoch.
TrainedModel train(const CorpusReader& corpus, const TrainOptions& options,
                   const std::function<void(std::int64_t, std::int64_t, int)>& progress,
                   const std::function<void(const EpochResult&)>& on_epoch);

// The same on a stream of the recipe: every epoch is a block of fresh images (datasets/recipe_stream.hpp), made before
// it, and the epoch is chosen by the validation split of the recipe's corpus, so that `evaluate` on a generated corpus
// judges images that were never trained on.
TrainedModel train_on_stream(const Recipe& recipe, const TrainOptions& options,
                             const std::function<void(std::int64_t, std::int64_t, int)>& progress,
                             const std::function<void(const EpochResult&)>& on_epoch);

}  // namespace braggbench
