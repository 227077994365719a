// The kinds of steps of a suite: what each measures. Ids of measures are without the step's name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "bench/suite/step_cache.hpp"
#include "bench/suite/suite.hpp"
#include "labels/draw.hpp"

namespace braggbench {

// What a step is given to work with.
struct StepWork {
    std::filesystem::path directory;  // for its files
    int threads = 1;
    std::function<void(std::int64_t done, std::int64_t total)> progress;
};

// A model that an earlier step left.
struct ModelInput {
    std::filesystem::path file;
    // Of a network that the suite trained: its weights' checksum. Another machine rounds differently and trains another
    // network, so that only answers of the same weights are pairs. Empty for what does not depend on the machine.
    std::string weights;
};

// Files that steps leave for others.
inline const std::filesystem::path corpus_file = "corpus.h5";
inline const std::filesystem::path model_file = "model";

StepResult run_corpus_step(const CorpusStep& step, const StepWork& work);
// Goes on from the checkpoint that a killed try left.
StepResult run_model_step(const ModelStep& step, const std::filesystem::path& corpus, const StepWork& work);
StepResult run_evaluation_step(const EvaluationStep& step, const ModelInput& model, const std::filesystem::path& corpus,
                               const StepWork& work);
StepResult run_explanation_step(const ExplanationStep& step, const ModelInput& model,
                                const std::filesystem::path& corpus, const StepWork& work);
StepResult run_peaks_step(const PeaksStep& step, const std::filesystem::path& corpus, const StepWork& work);
// `corpus` and its recipe are those of the step, if its check needs any.
StepResult run_check_step(const CheckStep& step, const std::filesystem::path& corpus, const Recipe* recipe,
                          const StepWork& work);
StepResult run_speed_step(const SpeedStep& step, const StepWork& work);

Split split_of(const std::string& name);

// Millions of multiply-adds of one image of this size, for estimates; of a classical model a stand-in.
double estimated_mmacs(const std::string& model, int size_px);

}  // namespace braggbench
