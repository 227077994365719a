#include "classifiers/interval_classifier.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>

#include "classifiers/random_stage.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

constexpr std::size_t max_bins = 256;
constexpr std::size_t max_intervals = 12;
constexpr std::size_t fold_count = 5;

// Candidate thresholds: midway between neighbouring distinct values, thinned to evenly spaced ranks.
std::vector<double> candidate_thresholds(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    std::vector<double> distinct_steps;
    std::vector<double> thinned;
    for (std::size_t i = 1; i < values.size(); ++i) {
        if (values[i] > values[i - 1]) distinct_steps.push_back(std::midpoint(values[i - 1], values[i]));
    }
    if (distinct_steps.size() < max_bins) return distinct_steps;
    for (std::size_t b = 1; b < max_bins; ++b) {
        const std::size_t rank = b * values.size() / max_bins;
        const double below = values[rank - 1];
        const double step = below < values[rank] ? std::midpoint(below, values[rank]) : values[rank];
        if (thinned.empty() || step > thinned.back()) thinned.push_back(step);
    }
    return thinned;
}

struct Rule {
    std::vector<double> thresholds;
    std::vector<int> classes;
};

int apply(const Rule& rule, double value) {
    const auto interval = std::upper_bound(rule.thresholds.begin(), rule.thresholds.end(), value);
    return rule.classes[static_cast<std::size_t>(std::distance(rule.thresholds.begin(), interval))];
}

// The best rule of each number of intervals, from 1 to max_intervals (fewer if there are fewer bins).
std::vector<Rule> best_rules(const std::vector<double>& values, const std::vector<int>& labels,
                             std::span<const double> class_weights) {
    const auto steps = candidate_thresholds(values);
    const std::size_t bins = steps.size() + 1;
    const std::size_t classes = class_weights.size();
    // before[b][c]: members of class c in bins below b.
    std::vector<std::vector<std::int64_t>> before(bins + 1, std::vector<std::int64_t>(classes, 0));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto bin = static_cast<std::size_t>(
            std::distance(steps.begin(), std::upper_bound(steps.begin(), steps.end(), values[i])));
        ++before[bin + 1][static_cast<std::size_t>(labels[i])];
    }
    for (std::size_t b = 1; b <= bins; ++b) {
        for (std::size_t c = 0; c < classes; ++c) before[b][c] += before[b - 1][c];
    }
    const auto weight = [&](std::size_t from, std::size_t to, std::size_t c) {
        return class_weights[c] * static_cast<double>(before[to][c] - before[from][c]);
    };
    const auto heaviest = [&](std::size_t from, std::size_t to) {
        std::size_t best = 0;
        for (std::size_t c = 1; c < classes; ++c) {
            if (weight(from, to, c) > weight(from, to, best)) best = c;
        }
        return best;
    };
    std::vector<std::vector<double>> gain(bins, std::vector<double>(bins + 1, 0.0));
    for (std::size_t from = 0; from < bins; ++from) {
        for (std::size_t to = from + 1; to <= bins; ++to) {
            gain[from][to] = weight(from, to, heaviest(from, to));
        }
    }
    const std::size_t most = std::min(max_intervals, bins);
    // right[k][b]: highest weight of right answers on bins below b with k + 1 intervals; start[k][b]: where the last of
    // them begins.
    std::vector<std::vector<double>> right(most, std::vector<double>(bins + 1, 0.0));
    std::vector<std::vector<std::size_t>> start(most, std::vector<std::size_t>(bins + 1, 0));
    right[0] = gain[0];
    for (std::size_t k = 1; k < most; ++k) {
        for (std::size_t b = k + 1; b <= bins; ++b) {
            right[k][b] = -1.0;
            for (std::size_t cut = k; cut < b; ++cut) {
                const auto total = right[k - 1][cut] + gain[cut][b];
                if (total > right[k][b]) {
                    right[k][b] = total;
                    start[k][b] = cut;
                }
            }
        }
    }
    std::vector<Rule> rules(most);
    for (std::size_t k = 0; k < most; ++k) {
        std::size_t end = bins;
        for (std::size_t interval = k + 1; interval-- > 0;) {
            const std::size_t from = start[interval][end];
            rules[k].classes.push_back(static_cast<int>(heaviest(from, end)));
            if (interval > 0) rules[k].thresholds.push_back(steps[from - 1]);
            end = from;
        }
        std::reverse(rules[k].classes.begin(), rules[k].classes.end());
        std::reverse(rules[k].thresholds.begin(), rules[k].thresholds.end());
    }
    return rules;
}

}  // namespace

IntervalClassifier IntervalClassifier::fit(std::span<const double> values, std::span<const int> labels, int class_count,
                                           std::uint64_t seed, FittedFor goal) {
    if (values.empty() || values.size() != labels.size()) {
        throw UsageError(std::to_string(values.size()) + " values and " + std::to_string(labels.size()) +
                         " labels (a rule needs at least one, and as many of each). Use a corpus with a train split.");
    }
    if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
        throw UsageError("a value that is not finite (it has no place on a scale). Check the images.");
    }
    // Of the whole training data, so that all folds agree on what is right.
    std::vector<double> weights(static_cast<std::size_t>(class_count), 1.0);
    if (goal == FittedFor::balanced_accuracy) {
        for (std::size_t c = 0; c < weights.size(); ++c) {
            const auto members = std::count(labels.begin(), labels.end(), static_cast<int>(c));
            weights[c] = 1.0 / static_cast<double>(std::max<std::ptrdiff_t>(1, members));
        }
    }
    std::vector<std::size_t> fold(values.size());
    RandomStream random(seed, 0, folds_stage);
    for (auto& f : fold) f = draw_index(random, fold_count);

    std::vector<double> right(max_intervals, 0.0);
    for (std::size_t f = 0; f < fold_count; ++f) {
        std::vector<double> kept_values;
        std::vector<int> kept_labels;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (fold[i] == f) continue;
            kept_values.push_back(values[i]);
            kept_labels.push_back(labels[i]);
        }
        if (kept_values.empty()) continue;
        const auto rules = best_rules(kept_values, kept_labels, weights);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (fold[i] != f) continue;
            for (std::size_t k = 0; k < max_intervals; ++k) {
                const auto& rule = rules[std::min(k, rules.size() - 1)];
                if (apply(rule, values[i]) == labels[i]) right[k] += weights[static_cast<std::size_t>(labels[i])];
            }
        }
    }
    const auto best =
        static_cast<std::size_t>(std::distance(right.begin(), std::max_element(right.begin(), right.end())));
    const auto rules = best_rules({values.begin(), values.end()}, {labels.begin(), labels.end()}, weights);
    const auto& chosen = rules[std::min(best, rules.size() - 1)];
    IntervalClassifier result;
    result.thresholds_ = chosen.thresholds;
    result.classes_ = chosen.classes;
    return result;
}

int IntervalClassifier::classify(double value) const { return apply({thresholds_, classes_}, value); }

}  // namespace braggbench
