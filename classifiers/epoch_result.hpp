// What one epoch of training came to.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace braggbench {

struct EpochResult {
    int epoch = 0;  // counted from 1
    double train_loss = 0.0;
    double validation_loss = 0.0;
    // Per head: the share of right classes or labels, or 1 - (squared error / variance of the train split).
    std::vector<double> train_scores;
    std::vector<double> validation_scores;
    double images_per_s = 0.0;  // of training alone
};
nlohmann::json to_json(const EpochResult& epoch);

}  // namespace braggbench
