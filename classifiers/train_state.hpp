// Where a training run stands, and its checkpoint file: enough to go on, in the middle of an epoch, to the same result.
// Torch header.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "classifiers/epoch_result.hpp"
#include "classifiers/head_tensors.hpp"
#include "classifiers/model.hpp"

namespace braggbench {

struct TrainState {
    std::vector<EpochResult> epochs;  // those done
    int best_epoch = 0;               // 0 = none yet
    std::vector<torch::Tensor> best;  // its weights and buffers
    // Of the epoch under way.
    std::int64_t steps_done = 0;
    double loss_sum = 0.0;
    std::vector<HeadScore> scores;
    double seconds = 0.0;
    double total_seconds = 0.0;  // of all runs that led here
    [[nodiscard]] double best_loss() const;
};

// Parameters and buffers as copies, and back.
std::vector<torch::Tensor> learned(const Classifier& network);
void restore(Classifier& network, const std::vector<torch::Tensor>& values);

// Written to a temporary name, then renamed, so that a full disk leaves the one before. `identity` tells runs apart.
void write_checkpoint(const std::filesystem::path& path, const Classifier& network,
                      const torch::optim::Optimizer& optimizer, const TrainState& state,
                      const nlohmann::json& identity);
// Throws UsageError naming what differs from `identity`, DataError for a file that is none or damaged.
TrainState read_checkpoint(const std::filesystem::path& path, Classifier& network, torch::optim::Optimizer& optimizer,
                           const nlohmann::json& identity);

}  // namespace braggbench
