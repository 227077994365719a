// One more output for a network of classes: how sure it is that there is a crystal.
#pragma once

#include <memory>

#include "classifiers/checkpoint.hpp"
#include "classifiers/model.hpp"

namespace braggbench {

// Its classes with and without a crystal are known, and it has no output "hit" of its own.
bool offers_hit_output(const ModelCard& card);
// The head of that output: true or false.
Head hit_output_head();

// The same network with one output more, the last: the log-odds of a crystal, which is the logarithm of the summed
// exponentials of the classes with one less that of those without. Its card has the head for it.
// Weights and layers are shared. Needs offers_hit_output().
TrainedModel with_hit_output(const TrainedModel& model);
// `network` of the same heads in place of the model's own.
std::shared_ptr<Classifier> with_hit_output(const ModelCard& card, std::shared_ptr<Classifier> network);

}  // namespace braggbench
