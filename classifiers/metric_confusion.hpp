// Scores of a confusion matrix per class and as a whole, each with interval and chance. All are scikit-learn's where it
// has them, except that what is undefined here stays undefined and is 0 there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

// F1 = 2 right / (called + support). Its interval is Wilson's of J = right / (called + support - right), the share of
// hits among all images that are of the class or called so, as F1 = 2 J / (1 + J). Undefined without such images.
Metric f1_score(std::int64_t right, std::int64_t called, std::int64_t support);

struct ClassScores {
    std::int64_t support = 0;  // images of the class
    std::int64_t called = 0;   // images called so
    Metric precision;          // undefined if called == 0
    Metric recall;             // undefined if support == 0
    Metric f1;                 // undefined if both are 0
};

// One per class. Chance is that of a guess that ignores the image and says each class as often as guess_shares tells
// (the shares of the train split, as baselines.hpp' stratified guess): the class' share of these images (precision), of
// the guesses (recall), and 2 s g / (s + g) (F1). UsageError unless guess_shares has one entry per class, or none (then
// the shares of these images).
std::vector<ClassScores> class_scores(const Confusion& confusion, std::span<const double> guess_shares = {});

// Mean F1 over the classes that occur or are called (scikit-learn's macro average).
std::optional<double> macro_f1(const Confusion& confusion);

// Cohen's kappa with weights (i - j)^2 (Cohen 1968, Psychol. Bull. 70, 213), for classes in an order. Undefined if all
// images are of one class and are called that.
std::optional<double> quadratic_weighted_kappa(const Confusion& confusion);

// The interval of a balanced accuracy, a mean of independent proportions, from Wilson's of each recall (Zou & Donner
// 2008, Stat. Med. 27, 1693): defined also where the bootstrap is not, at 1. Absent without images.
std::optional<std::array<double, 2>> recall_mean_ci95(const Confusion& confusion);

// Classes joined to groups: group_of_class[c] in [0, group_count), e.g. hit or miss. UsageError otherwise.
Confusion merge_classes(const Confusion& confusion, std::span<const int> group_of_class, int group_count);
std::vector<int> merge_labels(std::span<const int> labels, std::span<const int> group_of_class, int group_count);

// All of it; intervals by stratified bootstrap, of macro F1 on the logit's scale, except
// those of proportions and their mean (recall_mean_ci95). Chance: accuracy that of
// the majority class of guess_shares, balanced accuracy 1 / classes that occur, MCC and kappa 0, macro F1 that of the
// guess of class_scores().
struct ConfusionScores {
    Metric accuracy;
    Metric balanced_accuracy;
    Metric macro_f1;
    Metric mcc;
    Metric quadratic_kappa;
    std::vector<ClassScores> classes;
};
ConfusionScores confusion_scores(const Confusion& confusion, std::uint64_t seed,
                                 std::span<const double> guess_shares = {}, int resamples = 2000);
void to_json(nlohmann::json& json, const ClassScores& scores);
void to_json(nlohmann::json& json, const ConfusionScores& scores);

}  // namespace braggbench
