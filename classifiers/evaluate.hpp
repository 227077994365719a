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

std::string split_name(Split split);  // "train", "validation", "test"

struct Predictions {
    Split split = Split::test;
    std::vector<std::int64_t> image_indices;
    std::vector<int> truth;
    std::vector<int> predicted;
    std::vector<std::vector<float>> probabilities;  // softmax, one row per image
};

// Gain and offset are the corpus' own. Throws UsageError if its classes are not the model's. `progress(done, total)`.
Predictions predict(const TrainedModel& model, const CorpusReader& corpus, Split split,
                    const std::function<void(std::int64_t, std::int64_t)>& progress);

// Accuracy, balanced accuracy, MCC, per-class precision and recall, confusion matrix, and the chance levels: majority,
// prior, stratified, uniform, total-intensity-only, spot count (classifiers/baselines.hpp). Chance is the majority
// class' accuracy, 1 / classes, 0, the class' share of the train split (recall) and of these images (precision).
nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus);

}  // namespace braggbench
