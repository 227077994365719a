// The whole `explain` job: attribution maps of a trained model on a corpus, scored against the true peaks beside their
// nulls, baselines, the untrained network, a wrong class and the oracle, with checks of the maps' sanity and of what
// the model uses. What is done and why: docs/explanations.md, docs/localisation.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"
#include "explain/attribution_methods.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/localisation.hpp"

namespace braggbench {

struct ExplainOptions {
    std::string model_name;  // as rows call it
    std::vector<AttributionMethod> methods = {AttributionMethod::grad_cam, AttributionMethod::hires_cam,
                                              AttributionMethod::layer_cam, AttributionMethod::saliency,
                                              AttributionMethod::input_x_gradient};
    std::vector<std::string> stages;  // empty = all
    std::string output;               // as find_output() takes it; empty = the class that the model says
    Split split = Split::test;
    int images_per_class = 20;
    int nulls_per_image = 20;
    // The largest radius is that of the discs that are removed to see what the model uses.
    LocalisationOptions localisation{.other_radii_px = {0.0, 4.0}};
    int sanity_images = 4;
    int curve_images = 0;  // of which pixels are deleted and inserted in every map's order
    std::uint64_t seed = 1;
    int threads = 0;                         // 0 = one per core; the result does not depend on it
    int overlay_images = 0;                  // how many images to draw with their maps
    std::filesystem::path output_directory;  // overlays are written to <output_directory>/overlays
    std::filesystem::path maps_directory;    // where maps are written as HDF5 (docs/map-files.md); empty = nowhere
    const TrainedModel* shuffled = nullptr;  // the same network trained on shuffled labels, for the sanity check
    // Given every row with its scores image by image, as row.images[i] belongs to image_indices[i] of the corpus.
    std::function<void(const MapRow& row, std::span<const std::int64_t> image_indices)> on_row;
};

// The object of docs/results.md, "explanation", of one model. `progress(done, total)` counts images. Throws UsageError
// if the model's classes are not the corpus', and for methods, stages and outputs that it does not have; DataError if
// the split holds no image.
nlohmann::json explain_corpus(const TrainedModel& model, const CorpusReader& corpus, const ExplainOptions& options,
                              const std::function<void(std::int64_t, std::int64_t)>& progress);

// One object of several models on one corpus: rows and overlays of all, what differs between them under "models".
nlohmann::json merge_explanations(const std::vector<nlohmann::json>& explanations);

}  // namespace braggbench
