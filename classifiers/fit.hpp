// Fits a network to batches of images by the settings of TrainOptions; the best epoch is that of the lowest validation
// loss. Torch header.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "classifiers/head_tensors.hpp"
#include "classifiers/image_feed.hpp"
#include "classifiers/model.hpp"
#include "classifiers/train_options.hpp"
#include "classifiers/train_state.hpp"

namespace braggbench {

// The images of an epoch, counted from 1: the same ones every time, or fresh ones of a stream. Every epoch has as many.
// What is returned is used until the next call.
using EpochImages = std::function<const ImageFeed&(int epoch)>;

struct FitTask {
    std::span<const Head> heads;
    LossWeights weights;
    EpochImages train_images;
    const ImageFeed& validation_images;
    std::string corpus_id;  // a checkpoint of another one is refused
};

struct FitCalls {
    std::function<void(std::int64_t done_images, std::int64_t total_images, int epoch)> progress;  // after every batch
    std::function<void(const EpochResult&)> on_epoch;
};

struct FitResult {
    int best_epoch = 0;  // counted from 1
    std::vector<EpochResult> epochs;
    std::string stopped;      // why before the last epoch: "", "patience" or "time"
    double seconds = 0.0;     // of all runs that led here
    std::int64_t images = 0;  // learned from in each epoch
};

// Leaves the best epoch's weights in `network`, on the CPU and in eval mode. The same inputs and seed give the same
// weights on the same machine, libtorch and number of threads, resumed or not; another number of threads rounds
// differently. Throws UsageError if the loss is not finite, the checkpoint was made with other options or there is no
// such device, DataError for a checkpoint that cannot be read or written.
FitResult fit(Classifier& network, const FitTask& task, const TrainOptions& options, const FitCalls& calls);

// Stops the weights of a stage, and of all before it, from changing: their gradients are off and their norms keep the
// statistics they have. `photons` is any input of the network's size. Throws UsageError naming the stages there are.
void freeze_through(Classifier& network, const std::string& stage, const torch::Tensor& photons);

}  // namespace braggbench
