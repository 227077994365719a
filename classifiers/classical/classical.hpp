// Classifiers without a network: texture or keypoint features and a learner of OpenCV's, nearest templates, spot
// counts. Everything the program needs of them; torch-free. docs/classical.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/classical/classical_model.hpp"
#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct ClassicalSetting {
    std::string name;
    double value;  // default
    double low;
    double high;
    bool whole;  // a whole number
    std::string what;
};

struct ClassicalModelInfo {
    std::string name;
    std::string description;
    std::string head;  // "class" or "hit": what it answers
    std::vector<ClassicalSetting> settings;
    std::unique_ptr<ClassicalModel> (*make)(const SettingValues&);
};
const std::vector<ClassicalModelInfo>& classical_models();
bool is_classical_name(const std::string& name);

struct ClassicalOptions {
    std::string model = "glcm-forest";
    SettingValues settings = {};  // where they differ from the defaults
    std::uint64_t seed = 1;
    unsigned threads = 0;  // 0 = one per core; nothing depends on it
};

struct ClassicalCard {
    std::string model;
    SettingValues settings;  // all of them
    Head head;
    double gain_adu_per_photon = 1.0;  // of the corpus it was trained on
    double offset_adu = 0.0;
    nlohmann::json training;  // seed, corpus, images, what was chosen, provenance
};

struct TrainedClassical {
    ClassicalCard card;
    std::shared_ptr<const ClassicalModel> model;
};

// Learns from the train split; finders choose their count on the validation split; the test split is not read. Throws
// UsageError for an unknown model or setting (with the nearest name) or one out of range, for a split that is empty or
// has a single class, and for a corpus that does not have the head.
TrainedClassical fit_classical(const CorpusReader& corpus, const ClassicalOptions& options,
                               const ClassicalProgress& progress);

// Photons by the corpus' own gain and offset.
Predictions predict_classical(const TrainedClassical& model, const CorpusReader& corpus, Split split,
                              const ClassicalProgress& progress, unsigned threads = 0);

// One file: a line with the format and a checksum, a line of JSON (the card), OpenCV's own text, deflated. Written to a
// temporary name, then renamed. Both throw DataError.
void save_classical(const std::filesystem::path& path, const TrainedClassical& model);
TrainedClassical load_classical(const std::filesystem::path& path);
// By its first bytes; false for files that cannot be read.
bool is_classical_model(const std::filesystem::path& path);

}  // namespace braggbench
