#include "classifiers/metric_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "classifiers/metric_bootstrap.hpp"
#include "simulator/error.hpp"

namespace braggbench {

double mcnemar_exact_p(std::int64_t only_first, std::int64_t only_second) {
    if (only_first < 0 || only_second < 0) {
        throw UsageError(
            fmt::format("{} and {} images (counts are not negative). Give counts.", only_first, only_second));
    }
    const std::int64_t smaller = std::min(only_first, only_second);
    const auto n = static_cast<double>(only_first + only_second);
    if (only_first == only_second) return 1.0;
    // ln of n! / (k! (n - k)!) / 2^n at k = smaller, as a sum of ratios: differences of large lgamma values would lose
    // digits.
    double log_term = -n * std::numbers::ln2;
    for (std::int64_t k = 1; k <= smaller; ++k) {
        log_term += std::log((n - static_cast<double>(smaller - k)) / static_cast<double>(k));
    }
    // The terms below k = smaller follow from the ratios of neighbours and fall at least geometrically.
    double sum = 0.0;
    double term = 1.0;
    for (std::int64_t k = smaller; k >= 0 && term > 1e-18 * sum; --k) {
        sum += term;
        term *= static_cast<double>(k) / (n - static_cast<double>(k) + 1.0);
    }
    return std::min(1.0, 2.0 * sum * std::exp(log_term));
}

std::vector<double> holm_adjusted(std::span<const double> p_values) {
    for (const double p : p_values) {
        if (!(p >= 0.0 && p <= 1.0)) {
            throw UsageError(fmt::format("p-value {} (it is a probability). Give values in [0, 1].", p));
        }
    }
    std::vector<std::size_t> order(p_values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
    std::vector<double> adjusted(p_values.size());
    double highest = 0.0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        highest = std::max(highest, std::min(1.0, p_values[order[i]] * static_cast<double>(order.size() - i)));
        adjusted[order[i]] = highest;
    }
    return adjusted;
}

std::vector<ModelComparison> compare_models(std::span<const int> truth, std::span<const ModelAnswers> models,
                                            std::uint64_t seed, int resamples) {
    for (const auto& model : models) {
        if (model.right.size() != truth.size()) {
            throw UsageError(
                fmt::format("{}: {} answers for {} images (the models are compared image by image). Give "
                            "answers on the same images.",
                            model.name, model.right.size(), truth.size()));
        }
    }
    std::vector<ModelComparison> comparisons;
    std::vector<double> p_values;
    for (std::size_t a = 0; a < models.size(); ++a) {
        for (std::size_t b = a + 1; b < models.size(); ++b) {
            ModelComparison pair{models[a].name, models[b].name, 0, 0, {}, 1.0, 1.0};
            std::vector<int> difference(truth.size());
            for (std::size_t i = 0; i < truth.size(); ++i) {
                difference[i] = (models[a].right[i] != 0 ? 1 : 0) - (models[b].right[i] != 0 ? 1 : 0);
                pair.only_first_right += difference[i] > 0 ? 1 : 0;
                pair.only_second_right += difference[i] < 0 ? 1 : 0;
            }
            pair.accuracy_difference = bootstrapped(
                truth,
                [&](std::span<const int> counts) -> std::optional<double> {
                    if (counts.empty()) return std::nullopt;
                    const auto sum = std::inner_product(counts.begin(), counts.end(), difference.begin(), 0LL);
                    return static_cast<double>(sum) / static_cast<double>(counts.size());
                },
                0.0, seed, resamples);
            pair.p = mcnemar_exact_p(pair.only_first_right, pair.only_second_right);
            p_values.push_back(pair.p);
            comparisons.push_back(pair);
        }
    }
    const auto adjusted = holm_adjusted(p_values);
    for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].p_holm = adjusted[i];
    return comparisons;
}

void to_json(nlohmann::json& json, const ModelComparison& comparison) {
    json = {{"first", comparison.first},
            {"second", comparison.second},
            {"only_first_right", comparison.only_first_right},
            {"only_second_right", comparison.only_second_right},
            {"accuracy_difference", comparison.accuracy_difference},
            {"p", comparison.p},
            {"p_holm", comparison.p_holm}};
}

}  // namespace braggbench
