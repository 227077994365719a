// One detector image of any size to a class, the probability of a hit, and a spot count (docs/views.md).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "datasets/image_file.hpp"

namespace braggbench {

struct ClassifyOptions {
    // Of the image's detector; where absent what the file says, and where it says nothing those of the model's corpus.
    std::optional<double> gain_adu_per_photon;
    std::optional<double> offset_adu;
};

struct Classification {
    std::string image;
    std::string class_name;             // the most probable
    std::vector<double> probabilities;  // in the order of the model card's class_names
    double hit_probability = 0.0;       // summed over the card's hit_classes
    bool is_hit = false;                // hit_probability > 0.5
    int spot_count = 0;                 // find_spots() at the image's own resolution
    double gain_adu_per_photon = 1.0;   // as used
    double offset_adu = 0.0;
};
nlohmann::json to_json(const Classification& classification, const ModelCard& card);

// Throws UsageError for a gain that is not positive, DataError for an image without valid pixels.
Classification classify(const TrainedModel& model, const DetectorImage& image, const ClassifyOptions& options = {});

}  // namespace braggbench
