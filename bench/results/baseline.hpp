// A baseline is a file of results that others are compared with. Replacing it is a decision with a reason, which stays
// in the file.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "bench/results/results.hpp"

namespace braggbench {

// Writes `fresh` to `baseline`, with the history of what was there and a new record. There may be no file yet.
// `trainings` are runs of the same suite whose networks began with other seeds: scores that differ between them and
// `fresh` get their scatter (Measure::training_scatter). Without any the scatter that was there is kept. Throws
// UsageError without a reason or for another suite, DataError for a baseline that cannot be read.
BaselineRecord update_baseline(const std::filesystem::path& baseline, const Results& fresh, const std::string& reason,
                               std::span<const Results> trainings = {});

}  // namespace braggbench
