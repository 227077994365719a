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
TrainedModel load_model(const std::filesystem::path& path);

}  // namespace braggbench
