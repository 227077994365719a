#include "classifiers/baselines.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "classifiers/parallel.hpp"
#include "classifiers/random_stage.hpp"
#include "classifiers/spot_finder.hpp"
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
std::vector<Rule> best_rules(const std::vector<double>& values, const std::vector<int>& labels, int class_count) {
    const auto steps = candidate_thresholds(values);
    const std::size_t bins = steps.size() + 1;
    const auto classes = static_cast<std::size_t>(class_count);
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
    const auto majority = [&](std::size_t from, std::size_t to) {
        std::size_t best = 0;
        for (std::size_t c = 1; c < classes; ++c) {
            if (before[to][c] - before[from][c] > before[to][best] - before[from][best]) best = c;
        }
        return best;
    };
    std::vector<std::vector<std::int64_t>> gain(bins, std::vector<std::int64_t>(bins + 1, 0));
    for (std::size_t from = 0; from < bins; ++from) {
        for (std::size_t to = from + 1; to <= bins; ++to) {
            const auto c = majority(from, to);
            gain[from][to] = before[to][c] - before[from][c];
        }
    }
    const std::size_t most = std::min(max_intervals, bins);
    // right[k][b]: most right answers on bins below b with k + 1 intervals; start[k][b]: where the last of them begins.
    std::vector<std::vector<std::int64_t>> right(most, std::vector<std::int64_t>(bins + 1, 0));
    std::vector<std::vector<std::size_t>> start(most, std::vector<std::size_t>(bins + 1, 0));
    right[0] = gain[0];
    for (std::size_t k = 1; k < most; ++k) {
        for (std::size_t b = k + 1; b <= bins; ++b) {
            right[k][b] = -1;
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
            rules[k].classes.push_back(static_cast<int>(majority(from, end)));
            if (interval > 0) rules[k].thresholds.push_back(steps[from - 1]);
            end = from;
        }
        std::reverse(rules[k].classes.begin(), rules[k].classes.end());
        std::reverse(rules[k].thresholds.begin(), rules[k].thresholds.end());
    }
    return rules;
}

Metric accuracy_of_rule(const IntervalClassifier& rule, std::span<const ImageSummary> images,
                        std::span<const int> labels, double ImageSummary::*number, std::optional<double> chance) {
    std::int64_t right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) right += rule.classify(images[i].*number) == labels[i] ? 1 : 0;
    return proportion(right, static_cast<std::int64_t>(labels.size()), chance);
}

}  // namespace

std::vector<ImageSummary> summarise_images(const CorpusReader& corpus, std::span<const std::int64_t> indices,
                                           unsigned threads) {
    const auto& response = corpus.info().response;
    std::vector<ImageSummary> summaries(indices.size());
    for_each_index(
        static_cast<std::int64_t>(indices.size()),
        [&](std::int64_t i) {
            const auto k = static_cast<std::size_t>(i);
            const auto raw = corpus.image(indices[k]);
            Image<float> photons(raw.width, raw.height);
            double total = 0.0;
            for (std::size_t p = 0; p < raw.size(); ++p) {
                const double value = (raw.pixels[p] - response.offset_adu) / response.gain_adu_per_photon;
                photons.pixels[p] = static_cast<float>(value);
                total += value;
            }
            summaries[k] = {total, static_cast<double>(find_spots(photons, {}).size())};
        },
        threads);
    return summaries;
}

IntervalClassifier IntervalClassifier::fit(std::span<const double> values, std::span<const int> labels, int class_count,
                                           std::uint64_t seed) {
    if (values.empty() || values.size() != labels.size()) {
        throw UsageError(std::to_string(values.size()) + " values and " + std::to_string(labels.size()) +
                         " labels (a rule needs at least one, and as many of each). Use a corpus with a train split.");
    }
    if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
        throw UsageError("a value that is not finite (it has no place on a scale). Check the images.");
    }
    std::vector<std::size_t> fold(values.size());
    RandomStream random(seed, 0, folds_stage);
    for (auto& f : fold) f = draw_index(random, fold_count);

    std::vector<std::int64_t> right(max_intervals, 0);
    for (std::size_t f = 0; f < fold_count; ++f) {
        std::vector<double> kept_values;
        std::vector<int> kept_labels;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (fold[i] == f) continue;
            kept_values.push_back(values[i]);
            kept_labels.push_back(labels[i]);
        }
        if (kept_values.empty()) continue;
        const auto rules = best_rules(kept_values, kept_labels, class_count);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (fold[i] != f) continue;
            for (std::size_t k = 0; k < max_intervals; ++k) {
                const auto& rule = rules[std::min(k, rules.size() - 1)];
                right[k] += apply(rule, values[i]) == labels[i] ? 1 : 0;
            }
        }
    }
    const auto best =
        static_cast<std::size_t>(std::distance(right.begin(), std::max_element(right.begin(), right.end())));
    const auto rules = best_rules({values.begin(), values.end()}, {labels.begin(), labels.end()}, class_count);
    const auto& chosen = rules[std::min(best, rules.size() - 1)];
    IntervalClassifier result;
    result.thresholds_ = chosen.thresholds;
    result.classes_ = chosen.classes;
    return result;
}

int IntervalClassifier::classify(double value) const { return apply({thresholds_, classes_}, value); }

std::vector<double> class_shares(std::span<const int> labels, int class_count) {
    std::vector<double> shares(static_cast<std::size_t>(class_count), 0.0);
    for (const int label : labels) shares[static_cast<std::size_t>(label)] += 1.0;
    for (auto& share : shares) share /= std::max(1.0, static_cast<double>(labels.size()));
    return shares;
}

std::vector<ChanceLevel> chance_levels(std::span<const int> train_labels, std::span<const ImageSummary> train_images,
                                       std::span<const int> test_labels, std::span<const ImageSummary> test_images,
                                       int class_count, std::uint64_t seed) {
    const auto train_shares = class_shares(train_labels, class_count);
    const auto test_shares = class_shares(test_labels, class_count);
    const auto majority_class =
        std::distance(train_shares.begin(), std::max_element(train_shares.begin(), train_shares.end()));
    const auto majority =
        proportion(std::count(test_labels.begin(), test_labels.end(), static_cast<int>(majority_class)),
                   static_cast<std::int64_t>(test_labels.size()), std::nullopt);
    const auto guess = [&](double accuracy_of_guess) {
        Metric metric;
        if (!test_labels.empty()) metric.value = accuracy_of_guess;
        metric.chance = majority.value;
        return metric;
    };
    std::vector<ChanceLevel> levels;
    levels.push_back({"majority", majority});
    levels.back().accuracy.chance = majority.value;
    levels.push_back({"prior", levels.back().accuracy});
    levels.push_back(
        {"stratified", guess(std::inner_product(train_shares.begin(), train_shares.end(), test_shares.begin(), 0.0))});
    levels.push_back({"uniform", guess(1.0 / class_count)});
    for (const auto& [name, number] : {std::pair{"total_intensity", &ImageSummary::total_photons},
                                       std::pair{"spot_count", &ImageSummary::spot_count}}) {
        std::vector<double> values;
        for (const auto& image : train_images) values.push_back(image.*number);
        const auto rule = IntervalClassifier::fit(values, train_labels, class_count, seed);
        levels.push_back({name, accuracy_of_rule(rule, test_images, test_labels, number, majority.value)});
    }
    return levels;
}

std::vector<ChanceLevel> chance_levels(const CorpusReader& corpus, std::span<const std::int64_t> test_indices,
                                       std::span<const int> test_labels) {
    const auto train_indices = corpus.indices(Split::train);
    std::vector<int> train_labels;
    train_labels.reserve(train_indices.size());
    for (const auto index : train_indices)
        train_labels.push_back(corpus.class_indices()[static_cast<std::size_t>(index)]);
    return chance_levels(train_labels, summarise_images(corpus, train_indices), test_labels,
                         summarise_images(corpus, test_indices), static_cast<int>(corpus.info().class_names.size()),
                         corpus.info().seed);
}

}  // namespace braggbench
