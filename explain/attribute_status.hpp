// What a model got right about each image, label by label, and how far its answer is from the truth as a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "classifiers/metric.hpp"
#include "classifiers/predictions.hpp"

namespace braggbench {

enum class LabelStatus : std::uint8_t { true_positive, false_positive, true_negative, false_negative, unknown };
std::string to_string(LabelStatus status);  // "TP", "FP", "TN", "FN", "" where the truth is not known

// An output of a head of classes or attributes: it is true of an image or not. Of exclusive classes the most probable
// is said to be true, of attributes what is more likely than not. Values have no status.
struct StatusLabel {
    std::string head;
    std::string name;
};

// Between the label vector (0 and 1) and the predicted one (probabilities), over the labels that are known.
struct ErrorDistance {
    std::optional<double> cosine;     // 1 - cos of the angle; undefined if either vector is 0
    std::optional<double> euclidean;  // undefined if no label is known
};

struct AttributeStatus {
    std::vector<StatusLabel> labels;
    // A row per image, a column per label.
    std::vector<std::vector<LabelStatus>> status;
    std::vector<std::vector<float>> truth;  // 0, 1 or unknown_target
    std::vector<std::vector<float>> predicted;
    std::vector<ErrorDistance> distances;  // one per image
};

// `truth` has a row per image of the predictions, as truth_of() gives them. Throws UsageError if it has not, or if no
// head has labels.
AttributeStatus attribute_status(const Predictions& predictions, std::span<const std::vector<float>> truth);

// Absent if not known.
std::optional<bool> is_true(LabelStatus status);

struct LabelScores {
    StatusLabel label;
    std::int64_t unknown = 0;
    std::int64_t true_positives = 0;
    std::int64_t false_positives = 0;
    std::int64_t true_negatives = 0;
    std::int64_t false_negatives = 0;
    // Wilson intervals; chance is a guess that says "true" as often as it is among these images (of the accuracy, one
    // that always says what is more frequent).
    Metric precision;
    Metric recall;
    Metric f1;
    Metric accuracy;
};
void to_json(nlohmann::json& json, const LabelScores& scores);

// One per label, of the images whose rows are given. Throws UsageError for rows that do not exist.
std::vector<LabelScores> label_scores(const AttributeStatus& status, std::span<const std::size_t> rows);

// Means over all images with bootstrap intervals; chance is the mean distance of the same predictions from the truth of
// all other images.
struct DistanceScores {
    Metric cosine;
    Metric euclidean;
    std::int64_t cosine_undefined = 0;  // images
};
void to_json(nlohmann::json& json, const DistanceScores& scores);
DistanceScores distance_scores(const AttributeStatus& status, std::uint64_t seed, unsigned threads = 0);

}  // namespace braggbench
