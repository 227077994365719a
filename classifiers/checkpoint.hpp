// A trained model on disk: weights plus all that is needed to use it (zoo name, classes, view, response, provenance).
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/heads.hpp"
#include "datasets/view.hpp"

namespace braggbench {

class Classifier;

struct ModelCard {
    std::string zoo_name;
    std::vector<Head> heads;
    std::vector<std::string> hit_classes;  // the classes that count as a hit (those with a crystal)
    ViewSpec view;
    double gain_adu_per_photon = 1.0;  // of the corpus it was trained on; classify may override
    double offset_adu = 0.0;
    nlohmann::json training;  // options, corpus, learning curve, provenance
};

// The card as it stands in files, and back; card_of() throws nlohmann's exceptions for what is missing, UsageError for
// a view it does not know.
nlohmann::json card_json(const ModelCard& card);
ModelCard card_of(const nlohmann::json& json);

// The head of that name; none if the model does not have it.
const Head* find_head(const ModelCard& card, const std::string& name);

struct ModelShape;
ModelShape shape_of(const ModelCard& card);

struct TrainedModel {
    ModelCard card;
    std::shared_ptr<Classifier> network;  // in eval mode
};

// Written to a temporary name, then renamed. Throws DataError.
void save_model(const std::filesystem::path& path, const TrainedModel& model);
// Also reads TorchScript (classifiers/torchscript.hpp). Throws UsageError for a classical model.
TrainedModel load_model(const std::filesystem::path& path);

}  // namespace braggbench
