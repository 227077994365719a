// Every model on one corpus: each is trained alike for a stated time, scored on the test split, timed, and set beside
// chance and each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/train_options.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct ModelComparisonOptions {
    std::vector<std::string> models;  // of the zoo and of the classical ones; empty = all
    std::string view;                 // of the networks, as parse_view() takes it; empty = the whole image, as it is
    double minutes = 10.0;            // of training for each network
    int most_epochs = 30;
    std::uint64_t seed = 1;
    // Models are written here; what is here already is not trained again. Empty: nothing is kept.
    std::filesystem::path directory;
    std::int64_t baseline_train_images = 4000;
    unsigned threads = 0;
};

struct ModelComparisonCalls {
    std::function<void(const std::string& model, const std::string& what, std::int64_t done, std::int64_t total)>
        progress;
    std::function<void(const std::string&)> note;
};

// How compare() trains a network of the zoo: AdamW, one cycle, highest rate 4e-3 for ours, 1e-3 for networks with batch
// norms, 1e-4 for those without; 16 images a step, 4 above 5 GMAC an image.
TrainOptions comparison_options(const std::string& model, double multiply_adds_per_image);

// {"command": "compare", ..., "rows": [...], "evaluation": evaluation_json() of all}; docs/results.md. A network gets
// as many epochs as its own speed, measured on two steps, lets fit into the time; where not even one fits, it stops
// within it, and the row says so. A model that cannot be made for the view, or does not fit into memory, gets a row
// that says why.
nlohmann::json compare_on_corpus(const CorpusReader& corpus, const ModelComparisonOptions& options,
                                 const ModelComparisonCalls& calls);

}  // namespace braggbench
