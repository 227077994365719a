// How right one can be without a network: guesses from frequencies, the best rule on one number per image (total
// photons, spot count), and a forest on the radial profile. Everything is fitted on the train split.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "classifiers/image_summary.hpp"
#include "classifiers/metric.hpp"

namespace braggbench {

// Examples that baselines learn from, and images that they answer: what is true of each and, in the same order, what a
// glance tells. Baselines that need no glance use all train labels; those that do learn from the first
// train_images.size() of them alone.
struct BaselineData {
    std::vector<int> train_labels;  // in [0, outputs.size())
    std::span<const ImageSummary> train_images;
    std::vector<int> test_labels;
    std::span<const ImageSummary> test_images;
    std::vector<std::string> outputs;  // names of the classes; of a label {"false", "true"}
    std::uint64_t seed = 0;
};

struct ChanceLevel {
    std::string name;
    Metric accuracy;
    Metric balanced_accuracy;
    std::optional<Metric> roc_auc;  // of two classes: how well it ranks those of the second above those of the first
};

// The names are scikit-learn's (DummyClassifier): majority always says the most frequent class of the train split;
// prior ranks classes by their frequency and so says the same; stratified guesses each class as often as it occurs;
// uniform guesses each equally often; constant_NAME always says that class. Then total_intensity, spot_count and
// radial_profile, each once fitted for accuracy and once for balanced accuracy (a rule that is right most often calls
// nothing rare), and for the AUC the number itself, the way round that ranks the train images better, or the votes.
// Intervals: Wilson's, DeLong's, recall_mean_ci95(); a guess' own are those of its expected accuracy. The guesses'
// balanced accuracy and AUC are exact, hence without interval. Without train labels only uniform and constant_NAME are
// defined; without train images the last three are left out. Every chance is that of the majority class, 1 / classes
// that occur, or 0.5.
std::vector<ChanceLevel> chance_levels(const BaselineData& data);

// {name: {"accuracy": M, "balanced_accuracy": M, "roc_auc": M}, ...}, and the best of all by each of them.
nlohmann::json chance_json(std::span<const ChanceLevel> levels);
nlohmann::json best_json(std::span<const ChanceLevel> levels);

// The same for a number: always the train_median (best by mean absolute error), always the train_mean (best by root
// mean square), and radial_profile: {name: {"mean_absolute_error": M, "root_mean_square": M, "r_squared": M}, ...}.
// Empty without train values; without train images the last is left out.
struct ValueBaselineData {
    std::vector<double> train_values;
    std::span<const ImageSummary> train_images;
    std::vector<double> test_values;
    std::span<const ImageSummary> test_images;
    std::uint64_t seed = 0;
};
nlohmann::json value_chance_json(const ValueBaselineData& data);

// Share of each class among labels; zeros without labels.
std::vector<double> class_shares(std::span<const int> labels, int class_count);

}  // namespace braggbench
