// From inversions of some images to the rows of a result: feature error and spot recall beside chance, and pictures of
// all of them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "datasets/picture.hpp"
#include "explain/inside/inversion.hpp"
#include "explain/inside/spot_recall.hpp"

namespace braggbench {

struct ScoredInversion {
    Inversion inversion;
    double correlation = 0.0;          // root_correlation() with the true image
    std::optional<SpotRecall> recall;  // none without peaks or nulls
};

// All inversions of one image by one stage.
struct InvertedStage {
    std::int64_t image = 0;
    int class_index = 0;
    std::string network;  // "trained" or "untrained"
    std::string stage;
    std::vector<ScoredInversion> inversions;
    std::optional<SpotRecall> true_recall;  // of the image itself
};

// A row per network, stage and weight of the total variation: starts are averaged first, then images, with bootstrap
// intervals over images where there are two or more. docs/results.md, "inside".
nlohmann::json inversion_rows(const std::vector<InvertedStage>& stages, std::uint64_t seed);

// The true image, then a row per stage and a column per weight, of each the start with the lowest objective.
Picture inversion_picture(const Image<float>& photons, const std::string& caption,
                          const std::vector<const InvertedStage*>& stages);

}  // namespace braggbench
