// The best rule that looks at one number of an image: a class for every interval of it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace braggbench {

// What a rule is to be good at: right answers, or the mean recall of the classes, where each class counts the same
// however rare it is.
enum class FittedFor { accuracy, balanced_accuracy };

// The piecewise constant rule that is best on its training data, found exactly by dynamic programming over up to 256
// quantiles, its number of intervals (up to 12) chosen by five-fold cross-validation. So no other rule on that number
// does much better, and beating it means using something else.
class IntervalClassifier {
public:
    // Throws UsageError for no values, different lengths or values that are not finite.
    static IntervalClassifier fit(std::span<const double> values, std::span<const int> labels, int class_count,
                                  std::uint64_t seed, FittedFor goal = FittedFor::accuracy);
    [[nodiscard]] int classify(double value) const;
    [[nodiscard]] const std::vector<double>& thresholds() const { return thresholds_; }  // ascending

private:
    std::vector<double> thresholds_;  // interval i ends where value >= thresholds_[i]
    std::vector<int> classes_;        // one more than thresholds
};

}  // namespace braggbench
