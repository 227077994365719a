// Weights of a trained model as the beginning of another. Torch header.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "classifiers/model.hpp"

namespace braggbench {

// Copies the weights and buffers of the model in that file that have a place of the same name and shape in `to`; `note`
// is told how many, and which places stay fresh. Throws UsageError if none fits, and what load_model() throws.
void take_weights(const std::filesystem::path& path, Classifier& to,
                  const std::function<void(const std::string&)>& note);

}  // namespace braggbench
