// A model's predictions on a split of a corpus and the metrics of them, each with interval and chance.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct Predictions {
    std::vector<std::int64_t> image_indices;
    std::vector<int> truth;
    std::vector<int> predicted;
    std::vector<std::vector<float>> probabilities;  // softmax, one row per image
};

Predictions predict(const TrainedModel& model, const CorpusReader& corpus, Split split,
                    const std::function<void(std::int64_t, std::int64_t)>& progress);

// Accuracy, balanced accuracy, MCC, per-class precision and recall, confusion matrix, and the chance levels: majority,
// prior, stratified, uniform, total-intensity-only, spot count (classifiers/baselines.hpp).
nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus);

}  // namespace braggbench
