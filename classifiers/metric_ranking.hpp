// How well scores rank images of a class above all others: ROC-AUC and average precision, binary and one class against
// the rest, as scikit-learn defines them (equal scores are one threshold), with intervals and chance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

// Scores in falling order, equal ones together. Sorted once, so that every resample costs one pass.
class Ranking {
public:
    // truth[i] is 1 for images of the class, else 0. Throws UsageError for different lengths, other truths, NaN scores.
    Ranking(std::span<const int> truth, std::span<const double> scores);

    // `counts` says how often each image counts; empty = once. Undefined without images of both kinds (AUC), without
    // images of the class (average precision).
    [[nodiscard]] std::optional<double> roc_auc(std::span<const int> counts = {}) const;
    // Sum over thresholds of (recall - recall before) precision, not interpolated.
    [[nodiscard]] std::optional<double> average_precision(std::span<const int> counts = {}) const;
    [[nodiscard]] const std::vector<int>& truth() const { return truth_; }

    struct RocPoint {
        double threshold;  // called positive if score >= threshold
        double false_positive_rate;
        double true_positive_rate;
    };
    // From (0, 0), at threshold infinity, to (1, 1), a point per distinct score. Empty where the AUC is undefined.
    [[nodiscard]] std::vector<RocPoint> roc_curve() const;
    // The point with the most true positives among those with at most this false positive rate.
    [[nodiscard]] std::optional<RocPoint> at_false_positive_rate(double highest_rate) const;

private:
    struct Totals {
        double positives = 0.0;
        double negatives = 0.0;
    };
    [[nodiscard]] Totals totals(std::span<const int> counts) const;
    std::vector<int> truth_;          // as given
    std::vector<double> scores_;      // as given
    std::vector<std::size_t> order_;  // images by falling score
    std::vector<char> last_of_tie_;   // of order_
};

// Interval of clustered_auc(); none with fewer than two images of a kind. Chance 0.5.
Metric roc_auc(std::span<const int> truth, std::span<const double> scores);
// Interval by bootstrap on the logit's scale, as those of means over classes. Chance: the share of the class.
Metric average_precision(std::span<const int> truth, std::span<const double> scores, std::uint64_t seed,
                         int resamples = 2000);

// Each class against the rest, by its own column of scores[image][class]; and the mean over the classes for which it is
// defined (macro average). mAP is the mean of average_precision; its chance the mean prevalence.
struct OneVersusRest {
    std::vector<Metric> roc_auc;
    std::vector<Metric> average_precision;
    Metric mean_roc_auc;
    Metric mean_average_precision;
};
// truth[i] is a class. Throws UsageError for rows of another length than class_count, or truths outside of it.
OneVersusRest one_versus_rest(std::span<const int> truth, std::span<const std::vector<double>> scores, int class_count,
                              std::uint64_t seed, int resamples = 2000);

}  // namespace braggbench
