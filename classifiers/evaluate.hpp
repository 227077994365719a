// A model's predictions on a split of a corpus and the metrics of them, each with interval and chance.
#pragma once

#include <nlohmann/json.hpp>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Accuracy, balanced accuracy, MCC, per-class precision and recall, confusion matrix, and the chance levels: majority,
// prior, stratified, uniform, total-intensity-only, spot count (classifiers/baselines.hpp). Chance is the majority
// class' accuracy, 1 / classes, 0, the class' share of the train split (recall) and of these images (precision).
nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus);

}  // namespace braggbench
