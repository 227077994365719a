// One head of an evaluation: its answers, what is true, and what baselines have to go by. Internal to evaluate*.cpp and
// strength_curves.cpp.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "classifiers/baselines.hpp"
#include "classifiers/predictions.hpp"

namespace braggbench {

// Above this a probability is a yes, as in classify().
inline constexpr double yes_above = 0.5;

struct Task {
    const Head* head = nullptr;
    std::vector<std::vector<double>> scores;      // a row per image, a column per output of the head
    std::vector<std::vector<float>> truth;        // a row per image, a column per target of the head
    std::vector<std::vector<float>> train_truth;  // the same of the train split
    std::span<const ImageSummary> train_images;   // of the first of these, as many as there are
    std::span<const ImageSummary> test_images;    // empty, or a row per image
    std::vector<int> hit_of_class;                // of a head of classes: 0 or 1 for each; empty if not known
    std::uint64_t seed = 0;
    unsigned threads = 0;
};

// Without train truth and image summaries. Throws as evaluation_json() does.
Task make_task(const Predictions& predictions, std::size_t head, const CorpusReader& corpus);

// A yes-or-no question on the images where the answer is known.
struct YesNo {
    std::vector<std::size_t> images;  // rows of the task
    std::vector<int> truth;
    std::vector<double> probability;
    [[nodiscard]] std::vector<int> answers() const;
};
YesNo label_of(const Task& task, std::size_t label);  // of a multi_label head
YesNo hit_of(const Task& task);                       // of a head of classes with hits: their probabilities summed

// The class with the highest score; the first of equals.
std::vector<int> classes_said(const Task& task);
std::vector<int> true_classes(std::span<const std::vector<float>> truth);

nlohmann::json class_task_json(const Task& task);
nlohmann::json label_task_json(const Task& task);
nlohmann::json value_task_json(const Task& task);

// The scores of a question's answers, without chance levels other than each score's own; `train_labels` may be empty.
nlohmann::json yes_no_json(const YesNo& question, std::span<const int> train_labels, std::uint64_t seed);
// Chance levels of a question, in a form to be put among its scores.
void add_chance(nlohmann::json& json, const BaselineData& data);
// Expected calibration error and reliability curve.
nlohmann::json calibration_json(std::span<const double> confidences, std::span<const int> right, std::uint64_t seed);

}  // namespace braggbench
