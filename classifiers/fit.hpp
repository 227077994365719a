// Fits a network to images in memory: AdamW, one-cycle learning rate, keyed shuffling and augmentation, best epoch by
// validation loss, a checkpoint after every epoch. Torch header.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/image_set.hpp"
#include "classifiers/model.hpp"
#include "classifiers/train.hpp"

namespace braggbench {

struct FitResult {
    int best_epoch = 0;  // counted from 1
    std::vector<EpochResult> epochs;
};

nlohmann::json to_json(const EpochResult& epoch);
nlohmann::json to_json(const TrainOptions& options);

// The images of an epoch, counted from 1: the same ones every time, or fresh ones of a stream. Every epoch has as many.
// What is returned is used until the next call.
using EpochImages = std::function<const ImageSet&(int epoch)>;

// Leaves the best epoch's weights in `network`, in eval mode. The same inputs and seed give the same weights on the
// same machine, libtorch and number of threads, resumed or not; another number of threads rounds differently.
// `corpus_id` tells corpora apart: a checkpoint of another one is refused. Throws UsageError if the loss is not finite
// or the checkpoint was made with other options, DataError for a checkpoint that cannot be read or written.
FitResult fit(Classifier& network, const EpochImages& train_images, const ImageSet& validation_images,
              const TrainOptions& options, const std::string& corpus_id,
              const std::function<void(std::int64_t, std::int64_t, int)>& progress,
              const std::function<void(const EpochResult&)>& on_epoch);

}  // namespace braggbench
