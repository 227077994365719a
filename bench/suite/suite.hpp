// What `braggbench bench` runs, as plain data: steps with names that refer to each other (docs/suites.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "classifiers/train_options.hpp"
#include "labels/recipe.hpp"

namespace braggbench {

struct CorpusStep {
    std::string name;
    std::string recipe;
    std::optional<std::int64_t> images;
    std::optional<std::uint64_t> seed;
    std::vector<std::string> set;
    Recipe resolved;  // all of the above
};

struct ModelStep {
    std::string name;
    std::string corpus;
    std::string preset;
    std::string file;
    std::vector<std::string> settings;
    TrainOptions options;  // the preset's, changed by what the step states
};

struct EvaluationStep {
    std::string name;
    std::string model;
    std::string corpus;
    std::string split = "test";
    std::int64_t baseline_images = 4000;
};

struct ExplanationStep {
    std::string name;
    std::string model;
    std::string corpus;
    std::string split = "test";
    std::vector<std::string> methods = {"grad_cam", "hires_cam"};
    std::vector<std::string> stages;
    std::string explained;
    int images_per_class = 20;
    int nulls = 20;
    double radius_px = 2.0;
    std::uint64_t seed = 1;
};

struct PeaksStep {
    std::string name;
    std::string corpus;
    std::string split = "test";
    std::vector<std::string> finders = {"peakfinder8", "dispersion", "dispersion-extended"};
    double radius_px = 2.0;
    double threshold = 0.0;
};

struct CheckStep {
    std::string name;
    std::string check;
    std::string corpus;
};

struct SpeedStep {
    std::string name;
    std::vector<std::string> kernels;
    int repeats = 7;
};

struct Suite {
    std::string name;
    std::string description;
    std::vector<CorpusStep> corpora;
    std::vector<ModelStep> models;
    std::vector<EvaluationStep> evaluations;
    std::vector<ExplanationStep> explanations;
    std::vector<PeaksStep> peaks;
    std::vector<CheckStep> checks;
    std::vector<SpeedStep> speeds;
};

}  // namespace braggbench
