// Accuracies that need no network: guesses from class frequencies, and the best rule on one number per image (total
// photons, spot count). Everything is fitted on the train split.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "classifiers/metric.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

struct ImageSummary {
    double total_photons = 0.0;  // (sum of values - offset) / gain, over the native image
    double spot_count = 0.0;     // find_spots() with its defaults
};
std::vector<ImageSummary> summarise_images(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                           unsigned threads = 0);

// A class for every interval of one number: the piecewise constant rule that is right most often on its training data,
// found exactly by dynamic programming over up to 256 quantiles, its number of intervals (up to 12) chosen by five-fold
// cross-validation. So no other rule on that number does much better, and beating it means using something else.
class IntervalClassifier {
public:
    // Throws UsageError for no values, different lengths or values that are not finite.
    static IntervalClassifier fit(std::span<const double> values, std::span<const int> labels, int class_count,
                                  std::uint64_t seed);
    [[nodiscard]] int classify(double value) const;
    [[nodiscard]] const std::vector<double>& thresholds() const { return thresholds_; }  // ascending

private:
    std::vector<double> thresholds_;  // interval i ends where value >= thresholds_[i]
    std::vector<int> classes_;        // one more than thresholds
};

struct ChanceLevel {
    std::string name;
    Metric accuracy;
};

// The names are scikit-learn's (DummyClassifier): majority always says the most frequent class of the train split;
// prior ranks classes by their frequency and so says the same; stratified guesses each class as often as it occurs;
// uniform guesses each equally often. The accuracies of the guesses are expectations, hence without interval. Then
// total_intensity and spot_count. Every chance is that of the majority class.
std::vector<ChanceLevel> chance_levels(std::span<const int> train_labels, std::span<const ImageSummary> train_images,
                                       std::span<const int> test_labels, std::span<const ImageSummary> test_images,
                                       int class_count, std::uint64_t seed);

// The same for some images of a corpus, beside its train split.
std::vector<ChanceLevel> chance_levels(const CorpusReader& corpus, std::span<const std::int64_t> test_indices,
                                       std::span<const int> test_labels);

// Share of each class among labels; zeros without labels.
std::vector<double> class_shares(std::span<const int> labels, int class_count);

}  // namespace braggbench
