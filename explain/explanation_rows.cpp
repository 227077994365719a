#include "explain/explanation_rows.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "classifiers/metric.hpp"
#include "explain/random_stages.hpp"

namespace braggbench {
namespace {

constexpr double significance = 0.05;

// Reorders its argument.
double statistic_of(std::vector<double>& values, Statistic statistic) {
    if (statistic == Statistic::mean) {
        double sum = 0.0;
        for (const double value : values) {
            sum += value;
        }
        return sum / static_cast<double>(values.size());
    }
    const std::size_t middle = values.size() / 2;
    const auto upper = values.begin() + static_cast<std::ptrdiff_t>(middle);
    std::nth_element(values.begin(), upper, values.end());
    if (values.size() % 2 == 1) {
        return *upper;
    }
    return 0.5 * (*upper + *std::max_element(values.begin(), upper));
}

double quantile(const std::vector<double>& ascending, double share) {
    const double place = share * static_cast<double>(ascending.size() - 1);
    const auto lower = static_cast<std::size_t>(place);
    const std::size_t upper = std::min(lower + 1, ascending.size() - 1);
    return ascending[lower] + (place - static_cast<double>(lower)) * (ascending[upper] - ascending[lower]);
}

using Score = std::function<std::optional<double>(const LocalisationScores&)>;

std::vector<Sample> collect(std::span<const ImageScore> images, const Score& score) {
    std::vector<Sample> samples;
    for (const ImageScore& image : images) {
        if (const std::optional<double> value = image.has_peaks ? score(image.scores) : std::nullopt) {
            samples.push_back({image.class_index, *value});
        }
    }
    return samples;
}

std::optional<double> summary(std::span<const ImageScore> images, Statistic statistic, const Score& score) {
    std::vector<double> values;
    for (const Sample& sample : collect(images, score)) {
        values.push_back(sample.value);
    }
    if (values.empty()) {
        return std::nullopt;
    }
    return statistic_of(values, statistic);
}

Metric metric(std::span<const ImageScore> images, Statistic statistic, std::uint64_t seed, const Score& score,
              std::optional<double> chance) {
    const Estimate result = estimate(collect(images, score), statistic, seed);
    return {result.value, result.ci95, result.value ? chance : std::nullopt};
}

std::optional<double> null_quantile(const LocalisationScores& scores, double share) {
    if (!scores.slift || scores.null_slift.empty()) {
        return std::nullopt;
    }
    return quantile(scores.null_slift, share);
}

Metric slift_metric(std::span<const ImageScore> images, std::uint64_t seed) {
    return metric(
        images, Statistic::median, seed, [](const LocalisationScores& s) { return s.slift; }, 1.0);
}

// With J nulls p takes the values 1/(1+J), 2/(1+J), ..., so that chance is not quite the nominal 5 %.
std::optional<double> significance_chance(const LocalisationScores& scores) {
    if (!scores.slift_p) {
        return std::nullopt;
    }
    const double steps = 1.0 + static_cast<double>(std::max<std::size_t>(scores.null_slift.size(), 1));
    return std::floor(significance * steps + 1e-9) / steps;
}

Metric significant_metric(std::span<const ImageScore> images) {
    std::int64_t trials = 0;
    std::int64_t successes = 0;
    for (const Sample& sample : collect(images, [](const LocalisationScores& s) { return s.slift_p; })) {
        ++trials;
        successes += sample.value <= significance + 1e-9 ? 1 : 0;
    }
    if (trials == 0) {
        return {};
    }
    return {static_cast<double>(successes) / static_cast<double>(trials), wilson_ci95(successes, trials),
            summary(images, Statistic::mean, significance_chance)};
}

// A part of a row: the images of one class, or those predicted rightly.
nlohmann::json part_json(const std::string& name, std::span<const ImageScore> images, std::uint64_t seed) {
    std::int64_t scored = 0;
    std::int64_t zero_maps = 0;
    for (const ImageScore& image : images) {
        scored += image.has_peaks && image.scores.slift ? 1 : 0;
        zero_maps += image.has_peaks && image.scores.zero_map ? 1 : 0;
    }
    return {{"name", name},
            {"images", scored},
            {"zero_maps", zero_maps},
            {"slift", slift_metric(images, seed)},
            {"significant", significant_metric(images)}};
}

template <class Predicate>
std::vector<ImageScore> subset(const std::vector<ImageScore>& images, Predicate keep) {
    std::vector<ImageScore> kept;
    std::copy_if(images.begin(), images.end(), std::back_inserter(kept), keep);
    return kept;
}

nlohmann::json optional_json(std::optional<double> value) {
    return value && std::isfinite(*value) ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

}  // namespace

Estimate estimate(std::span<const Sample> samples, Statistic statistic, std::uint64_t seed) {
    Estimate result;
    if (samples.empty()) {
        return result;
    }
    std::map<int, std::vector<double>> by_class;
    std::vector<double> values;
    for (const Sample& sample : samples) {
        by_class[sample.class_index].push_back(sample.value);
        values.push_back(sample.value);
    }
    result.value = statistic_of(values, statistic);
    if (samples.size() < 2) {
        return result;
    }
    std::vector<double> resampled;
    resampled.reserve(bootstrap_resamples);
    for (int resample = 0; resample < bootstrap_resamples; ++resample) {
        RandomStream random(seed, static_cast<std::uint64_t>(resample), stage_bootstrap);
        values.clear();
        for (const auto& [class_index, members] : by_class) {
            for (std::size_t i = 0; i < members.size(); ++i) {
                const std::uint64_t scaled = std::uint64_t{random.bits()} * members.size();
                values.push_back(members[static_cast<std::size_t>(scaled >> 32)]);
            }
        }
        resampled.push_back(statistic_of(values, statistic));
    }
    std::sort(resampled.begin(), resampled.end());
    result.ci95 = {quantile(resampled, 0.025), quantile(resampled, 0.975)};
    return result;
}

nlohmann::json row_json(const MapRow& row, const std::vector<std::string>& class_names, std::uint64_t seed) {
    const std::span<const ImageScore> images = row.images;
    nlohmann::json json = part_json("", images, seed);
    json.erase("name");
    json["map"] = row.id.map;
    json["stage"] = row.id.stage;
    json["stride_px"] = row.id.stride_px;
    json["kind"] = row.id.kind;
    const auto without_peaks = subset(row.images, [](const ImageScore& image) { return !image.has_peaks; });
    json["images_without_peaks"] = without_peaks.size();
    json["zero_maps_without_peaks"] = std::count_if(without_peaks.begin(), without_peaks.end(),
                                                    [](const ImageScore& image) { return image.scores.zero_map; });

    json["null_slift_median"] = optional_json(
        summary(images, Statistic::median, [](const LocalisationScores& s) { return null_quantile(s, 0.5); }));
    json["null_slift_p95"] = optional_json(
        summary(images, Statistic::median, [](const LocalisationScores& s) { return null_quantile(s, 0.95); }));
    json["sauc"] = metric(
        images, Statistic::mean, seed, [](const LocalisationScores& s) { return s.sauc; }, 0.5);
    json["lift"] = metric(
        images, Statistic::median, seed, [](const LocalisationScores& s) { return s.lift; }, 1.0);
    const auto rho = [](const LocalisationScores& s) { return s.slift ? std::optional(s.rho) : std::nullopt; };
    json["average_precision"] = metric(
        images, Statistic::mean, seed, [](const LocalisationScores& s) { return s.average_precision; },
        summary(images, Statistic::mean, rho));
    json["peak_recall"] = metric(
        images, Statistic::mean, seed, [](const LocalisationScores& s) { return s.peak_recall; },
        summary(images, Statistic::mean, [](const LocalisationScores& s) { return s.peak_recall_chance; }));
    json["oracle_slift"] =
        optional_json(summary(images, Statistic::median, [](const LocalisationScores& s) { return s.oracle_slift; }));
    json["ceiling_fraction"] = metric(
        images, Statistic::median, seed, [](const LocalisationScores& s) { return s.ceiling_fraction; }, 0.0);

    nlohmann::json by_class = nlohmann::json::array();
    for (std::size_t index = 0; index < class_names.size(); ++index) {
        const auto members = subset(row.images, [index](const ImageScore& image) {
            return image.has_peaks && image.class_index == static_cast<int>(index);
        });
        if (!members.empty()) {
            by_class.push_back(part_json(class_names[index], members, seed));
        }
    }
    json["by_class"] = by_class;
    json["by_prediction"] = {
        part_json("right", subset(row.images, [](const ImageScore& image) { return image.correct; }), seed),
        part_json("wrong", subset(row.images, [](const ImageScore& image) { return !image.correct; }), seed)};
    return json;
}

}  // namespace braggbench
