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
    std::string class_name;                 // the most probable of head "class"; empty without it
    std::vector<double> scores;             // one per output of the model's heads, as Predictions::scores
    std::optional<double> hit_probability;  // of head "hit", else summed over the card's hit_classes
    int spot_count = 0;                     // find_spots() at the image's own resolution
    double gain_adu_per_photon = 1.0;       // as used
    double offset_adu = 0.0;
};
nlohmann::json to_json(const Classification& classification, const ModelCard& card);

// Throws UsageError for a gain that is not positive, DataError for an image without valid pixels.
Classification classify(const TrainedModel& model, const DetectorImage& image, const ClassifyOptions& options = {});

}  // namespace braggbench
