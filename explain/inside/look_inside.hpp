// The whole `look-inside` job: filters and feature maps as pictures, maps counted that do nothing, and what can be made
// again of an image from each stage, beside the same network with random weights. What is done and why: docs/inside.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"
#include "explain/inside/inversion.hpp"

namespace braggbench {

struct LookOptions {
    std::string model_name;
    std::vector<std::string> stages;   // that are drawn and inverted; empty = all
    std::vector<std::int64_t> images;  // that are drawn; empty = one of each class of the split
    Split split = Split::test;
    int drawn_maps = 64;        // of each stage, at most
    int counted_images = 1000;  // of the whole corpus, chosen by the seed
    double epsilon = 1e-6;      // magnitudes up to it are taken for 0
    int inverted_images = 1;    // the first of those that are drawn and have peaks, then the others
    InversionOptions inversion;
    int nulls_per_image = 20;
    double radius_px = 2.0;  // within which a spot is where a peak is
    std::uint64_t seed = 1;
    int threads = 0;                         // 0 = one per core; the result does not depend on it
    std::filesystem::path output_directory;  // must be there
};

// (what is being done, done, total)
using LookProgress = std::function<void(const std::string&, std::int64_t, std::int64_t)>;

// Writes the pictures into the output directory and returns the object of docs/results.md, "inside", which names them.
// Without a corpus the filters alone. Throws UsageError for stages and images that do not exist, DataError if nothing
// can be written.
nlohmann::json look_inside(const TrainedModel& model, const CorpusReader* corpus, const LookOptions& options,
                           const LookProgress& progress);

}  // namespace braggbench
