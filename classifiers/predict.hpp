// A network's predictions on a split of a corpus.
#pragma once

#include <cstdint>
#include <functional>

#include "classifiers/checkpoint.hpp"
#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Gain and offset are the corpus' own. Throws UsageError if it does not have the labels of the model's heads.
// `progress(done, total)`.
Predictions predict(const TrainedModel& model, const CorpusReader& corpus, Split split,
                    const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
