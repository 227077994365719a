#include "bench/ablation/effects.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "bench/results/student_t.hpp"
#include "classifiers/metric_bootstrap.hpp"

namespace braggbench {
namespace {

double mean_of(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Of the sample, unbiased.
double variance_of(std::span<const double> values) {
    const double mean = mean_of(values);
    double sum = 0.0;
    for (const double value : values) sum += (value - mean) * (value - mean);
    return sum / static_cast<double>(values.size() - 1);
}

std::array<double, 2> around(double value, double half_width) { return {value - half_width, value + half_width}; }

bool is_at(const Cell& cell, std::span<const Setting> settings) {
    return std::ranges::all_of(settings, [&](const Setting& setting) { return cell[setting.axis] == setting.value; });
}

// Cells of one seed with these settings.
double count_at(std::span<const CellScore> scores, std::span<const Setting> settings) {
    const auto& seed = scores.front().cell[Axis::seed];
    return static_cast<double>(std::ranges::count_if(
        scores, [&](const CellScore& score) { return score.cell[Axis::seed] == seed && is_at(score.cell, settings); }));
}

}  // namespace

void to_json(nlohmann::json& json, const Estimate& estimate) {
    const auto or_null = [](const auto& value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
    json = {{"value", or_null(estimate.value)},
            {"seeds", estimate.seeds},
            {"over_seeds", or_null(estimate.over_seeds)},
            {"over_images", or_null(estimate.over_images)},
            {"ci95", or_null(estimate.ci95)},
            {"p", or_null(estimate.p)}};
}

Estimate estimate_of(std::span<const double> seed_values, std::span<const std::optional<double>> resampled) {
    Estimate estimate;
    if (seed_values.empty()) return estimate;
    const auto seeds = static_cast<double>(seed_values.size());
    estimate.seeds = static_cast<int>(seed_values.size());
    const double value = mean_of(seed_values);
    estimate.value = value;
    std::vector<double> defined;
    for (const auto& one : resampled) {
        if (one) defined.push_back(*one);
    }
    const bool has_images =
        defined.size() > 1 && static_cast<double>(defined.size()) >= 0.95 * static_cast<double>(resampled.size());
    if (has_images) estimate.over_images = percentile_ci95(defined, static_cast<int>(resampled.size()));
    if (seed_values.size() < 2) return estimate;
    const double of_seeds = variance_of(seed_values) / seeds;
    estimate.over_seeds = around(value, student_t_quantile(0.975, seeds - 1.0) * std::sqrt(of_seeds));
    if (!has_images) return estimate;
    const double of_images = variance_of(defined);
    const double both = of_seeds + of_images;
    if (both <= 0.0) return estimate;
    // Resamples of hundreds of images have as good as no uncertainty of their own.
    const double freedom = of_seeds > 0.0 ? (seeds - 1.0) * (both / of_seeds) * (both / of_seeds) : 1e6;
    estimate.ci95 = around(value, student_t_quantile(0.975, std::min(freedom, 1e6)) * std::sqrt(both));
    estimate.p = 2.0 * student_t_cdf(-std::abs(value) / std::sqrt(both), std::min(freedom, 1e6));
    return estimate;
}

Estimate contrast(std::span<const CellScore> scores, const std::function<double(const Cell&)>& weight) {
    std::map<std::string, double> by_seed;
    std::vector<std::optional<double>> resampled;
    for (const auto& score : scores) {
        const double w = weight(score.cell);
        if (w == 0.0) continue;
        if (!score.value) return {};
        by_seed[score.cell[Axis::seed]] += w * *score.value;
    }
    if (by_seed.empty()) return {};
    for (const auto& score : scores) {
        const double w = weight(score.cell) / static_cast<double>(by_seed.size());
        if (w == 0.0) continue;
        if (resampled.empty()) resampled.assign(score.resampled.size(), 0.0);
        for (std::size_t r = 0; r < resampled.size(); ++r) {
            const auto& one = score.resampled[r];
            resampled[r] = resampled[r] && one ? std::optional(*resampled[r] + w * *one) : std::nullopt;
        }
    }
    std::vector<double> seed_values;
    for (const auto& [seed, value] : by_seed) seed_values.push_back(value);
    return estimate_of(seed_values, resampled);
}

Estimate mean_at(std::span<const CellScore> scores, std::span<const Setting> settings) {
    const double cells = count_at(scores, settings);
    return contrast(scores, [&](const Cell& cell) { return is_at(cell, settings) ? 1.0 / cells : 0.0; });
}

Estimate effect(std::span<const CellScore> scores, Axis axis, const std::string& value, const std::string& reference) {
    const double cells = count_at(scores, std::vector<Setting>{{axis, value}});
    return contrast(scores, [&](const Cell& cell) {
        return cell[axis] == value ? 1.0 / cells : cell[axis] == reference ? -1.0 / cells : 0.0;
    });
}

Estimate interaction(std::span<const CellScore> scores, const Step& first, const Step& second) {
    const double cells = count_at(scores, std::vector<Setting>{{first.axis, first.value}, {second.axis, second.value}});
    const auto sign = [](const Cell& cell, const Step& step) {
        return cell[step.axis] == step.value ? 1.0 : cell[step.axis] == step.reference ? -1.0 : 0.0;
    };
    return contrast(scores, [&](const Cell& cell) { return sign(cell, first) * sign(cell, second) / cells; });
}

}  // namespace braggbench
