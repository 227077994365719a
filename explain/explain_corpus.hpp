// The whole `explain` job: attribution maps of a trained model on a corpus, scored against the true peaks beside their
// nulls, baselines, the untrained network and the oracle. What is done and why: docs/localisation.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"
#include "explain/localisation.hpp"

namespace braggbench {

struct ExplainOptions {
    Split split = Split::test;
    int images_per_class = 20;
    int nulls_per_image = 20;
    LocalisationOptions localisation;
    std::uint64_t seed = 1;
    int threads = 0;                         // 0 = one per core; the result does not depend on it
    int overlay_images = 0;                  // how many images to draw with their maps
    std::filesystem::path output_directory;  // overlays are written to <output_directory>/overlays
};

// The object of docs/results.md, "explanation". `progress(done, total)` counts images. Throws UsageError if the model's
// classes are not the corpus', DataError if the split holds no image.
nlohmann::json explain_corpus(const TrainedModel& model, const CorpusReader& corpus, const ExplainOptions& options,
                              const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace braggbench
