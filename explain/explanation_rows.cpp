#include "explain/explanation_rows.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "classifiers/metric.hpp"
#include "explain/peak_bands.hpp"
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

// One image's scores as a part of a row sees them: those of all its peaks, of one band of them, or at another radius.
struct Scored {
    int class_index = 0;
    const LocalisationScores* scores = nullptr;
};
using Score = std::function<std::optional<double>(const LocalisationScores&)>;

std::vector<Sample> collect(std::span<const Scored> images, const Score& score) {
    std::vector<Sample> samples;
    for (const Scored& image : images) {
        if (const std::optional<double> value = score(*image.scores)) {
            samples.push_back({image.class_index, *value});
        }
    }
    return samples;
}

std::optional<double> summary(std::span<const Scored> images, Statistic statistic, const Score& score) {
    std::vector<double> values;
    for (const Sample& sample : collect(images, score)) {
        values.push_back(sample.value);
    }
    if (values.empty()) {
        return std::nullopt;
    }
    return statistic_of(values, statistic);
}

Metric metric(std::span<const Scored> images, Statistic statistic, std::uint64_t seed, const Score& score,
              std::optional<double> chance) {
    const Estimate result = estimate(collect(images, score), statistic, seed);
    return {result.value, result.ci95, result.value ? chance : std::nullopt};
}

// A score that is a member, with its chance level.
Metric metric(std::span<const Scored> images, Statistic statistic, std::uint64_t seed,
              std::optional<double> LocalisationScores::*member, std::optional<double> chance) {
    return metric(
        images, statistic, seed, [member](const LocalisationScores& s) { return s.*member; }, chance);
}

std::optional<double> null_quantile(const LocalisationScores& scores, double share) {
    if (!scores.slift || scores.null_slift.empty()) {
        return std::nullopt;
    }
    return quantile(scores.null_slift, share);
}

// With J nulls p takes the values 1/(1+J), 2/(1+J), ..., so that chance is not quite the nominal 5 %.
std::optional<double> significance_chance(const LocalisationScores& scores) {
    if (!scores.slift_p) {
        return std::nullopt;
    }
    const double steps = 1.0 + static_cast<double>(std::max<std::size_t>(scores.null_slift.size(), 1));
    return std::floor(significance * steps + 1e-9) / steps;
}

Metric significant_metric(std::span<const Scored> images) {
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

Metric recall_metric(std::span<const Scored> images, std::uint64_t seed) {
    return metric(images, Statistic::mean, seed, &LocalisationScores::peak_recall,
                  summary(images, Statistic::mean, [](const LocalisationScores& s) { return s.peak_recall_chance; }));
}

std::int64_t count_status(std::span<const Scored> images, MapStatus status) {
    return std::count_if(images.begin(), images.end(),
                         [status](const Scored& image) { return image.scores->status == status; });
}

nlohmann::json optional_json(std::optional<double> value) {
    return value && std::isfinite(*value) ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

// What every part of a row has.
nlohmann::json part_json(std::span<const Scored> images, std::uint64_t seed) {
    const auto scored =
        std::count_if(images.begin(), images.end(), [](const Scored& image) { return image.scores->slift; });
    std::vector<const LocalisationScores*> scores;
    for (const Scored& image : images) {
        scores.push_back(image.scores);
    }
    return {{"images", scored},
            {"zero_maps", count_status(images, MapStatus::all_zero)},
            {"constant_maps", count_status(images, MapStatus::constant)},
            {"non_finite_maps", count_status(images, MapStatus::non_finite)},
            {"slift", metric(images, Statistic::median, seed, &LocalisationScores::slift, 1.0)},
            {"permutation_p", optional_json(permutation_p(scores, seed))},
            {"significant", significant_metric(images)}};
}

// The scores that depend on the radius of the peaks' discs.
nlohmann::json scores_json(std::span<const Scored> images, std::uint64_t seed) {
    const auto rho = summary(images, Statistic::mean,
                             [](const LocalisationScores& s) { return s.slift ? std::optional(s.rho) : std::nullopt; });
    nlohmann::json json = part_json(images, seed);
    json["sauc"] = metric(images, Statistic::mean, seed, &LocalisationScores::sauc, 0.5);
    json["lift"] = metric(images, Statistic::median, seed, &LocalisationScores::lift, 1.0);
    json["mass"] = metric(images, Statistic::mean, seed, &LocalisationScores::mass, rho);
    json["average_precision"] = metric(images, Statistic::mean, seed, &LocalisationScores::average_precision, rho);
    json["rank_accuracy"] = metric(images, Statistic::mean, seed, &LocalisationScores::rank_accuracy, rho);
    json["nss"] = metric(images, Statistic::mean, seed, &LocalisationScores::nss, 0.0);
    json["pointing"] = metric(images, Statistic::mean, seed, &LocalisationScores::pointing, rho);
    json["peak_recall"] = recall_metric(images, seed);
    return json;
}

// The scores at the headline radius, where the share of the oracle's ceiling is known.
nlohmann::json headline_json(std::span<const Scored> images, std::uint64_t seed) {
    nlohmann::json json = scores_json(images, seed);
    json["oracle_slift"] =
        optional_json(summary(images, Statistic::median, [](const LocalisationScores& s) { return s.oracle_slift; }));
    json["ceiling_fraction"] = metric(images, Statistic::median, seed, &LocalisationScores::ceiling_fraction, 0.0);
    return json;
}

template <class Predicate>
std::vector<Scored> subset(const std::vector<ImageScore>& images, Predicate keep) {
    std::vector<Scored> kept;
    for (const ImageScore& image : images) {
        if (keep(image)) {
            kept.push_back({image.class_index, &image.scores});
        }
    }
    return kept;
}

// One place of the images' lists of scores.
std::vector<Scored> at_place(const std::vector<ImageScore>& images, std::vector<LocalisationScores> ImageScore::*list,
                             std::size_t place) {
    std::vector<Scored> kept;
    for (const ImageScore& image : images) {
        if (place < (image.*list).size()) {
            kept.push_back({image.class_index, &(image.*list)[place]});
        }
    }
    return kept;
}

nlohmann::json by_class_json(const std::vector<ImageScore>& images, const std::vector<std::string>& class_names,
                             std::uint64_t seed) {
    nlohmann::json parts = nlohmann::json::array();
    for (std::size_t index = 0; index < class_names.size(); ++index) {
        const auto members = subset(images, [index](const ImageScore& image) {
            return image.has_peaks && image.class_index == static_cast<int>(index);
        });
        if (!members.empty()) {
            parts.push_back(headline_json(members, seed));
            parts.back()["name"] = class_names[index];
        }
    }
    return parts;
}

nlohmann::json by_prediction_json(const std::vector<ImageScore>& images, std::uint64_t seed) {
    nlohmann::json parts = nlohmann::json::array();
    for (const auto& [name, correct] : {std::pair("right", true), std::pair("wrong", false)}) {
        const auto members = subset(images, [correct = correct](const ImageScore& image) {
            return image.has_peaks && image.correct == correct;
        });
        parts.push_back(headline_json(members, seed));
        parts.back()["name"] = name;
    }
    return parts;
}

nlohmann::json bands_json(const std::vector<ImageScore>& images, const std::string& quantity, std::uint64_t seed) {
    nlohmann::json parts = nlohmann::json::array();
    for (std::size_t i = 0; i < peak_bands.size(); ++i) {
        const PeakBand& band = peak_bands[i];
        const std::vector<Scored> members = at_place(images, &ImageScore::bands, i);
        if (band.quantity != quantity || members.empty()) {
            continue;
        }
        nlohmann::json part = part_json(members, seed);
        part["peak_recall"] = recall_metric(members, seed);
        part["low"] = band.low;
        part["high"] = optional_json(band.high);
        parts.push_back(part);
    }
    return parts;
}

// What is known of maps of images without peaks: how high they are where, beside 1 for a map without preference.
nlohmann::json profile_json(const std::vector<ImageScore>& images, std::uint64_t seed) {
    std::int64_t profiles = 0;
    const auto density = [&](const auto& member) {
        std::vector<Sample> samples;
        for (const ImageScore& image : images) {
            if (const auto value = image.profile ? member(*image.profile) : std::nullopt) {
                samples.push_back({image.class_index, *value});
            }
        }
        profiles = std::max(profiles, static_cast<std::int64_t>(samples.size()));
        const Estimate result = estimate(samples, Statistic::mean, seed);
        return Metric{result.value, result.ci95, result.value ? std::optional(1.0) : std::nullopt};
    };
    nlohmann::json radial = nlohmann::json::array();
    for (std::size_t i = 0; i < MapProfile::bins; ++i) {
        radial.push_back(density([i](const MapProfile& profile) { return profile.radial[i]; }));
    }
    nlohmann::json json = {{"radial", radial},
                           {"beam", density([](const MapProfile& profile) { return profile.beam; })},
                           {"gaps", density([](const MapProfile& profile) { return profile.gaps; })},
                           {"ice_rings", density([](const MapProfile& profile) { return profile.ice_rings; })}};
    json["images"] = profiles;
    return json;
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

std::optional<double> permutation_p(std::span<const LocalisationScores* const> images, std::uint64_t seed) {
    std::vector<double> values;
    std::vector<const std::vector<double>*> nulls;
    for (const LocalisationScores* scores : images) {
        if (scores->slift && !scores->null_slift.empty()) {
            values.push_back(*scores->slift);
            nulls.push_back(&scores->null_slift);
        }
    }
    if (values.empty()) {
        return std::nullopt;
    }
    const double observed = statistic_of(values, Statistic::median);
    int as_high = 0;
    for (int resample = 0; resample < bootstrap_resamples; ++resample) {
        RandomStream random(seed, static_cast<std::uint64_t>(resample), stage_permutation);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = (*nulls[i])[static_cast<std::size_t>((std::uint64_t{random.bits()} * nulls[i]->size()) >> 32)];
        }
        as_high += statistic_of(values, Statistic::median) >= observed ? 1 : 0;
    }
    return (1.0 + as_high) / (1.0 + bootstrap_resamples);
}

nlohmann::json row_json(const MapRow& row, const std::vector<std::string>& class_names, std::uint64_t seed,
                        std::span<const double> other_radii_px) {
    const auto images = subset(row.images, [](const ImageScore& image) { return image.has_peaks; });
    nlohmann::json json = headline_json(images, seed);
    json["map"] = row.id.map;
    json["stage"] = row.id.stage;
    json["stride_px"] = row.id.stride_px;
    json["kind"] = row.id.kind;
    const auto without_peaks = subset(row.images, [](const ImageScore& image) { return !image.has_peaks; });
    json["images_without_peaks"] = without_peaks.size();
    json["zero_maps_without_peaks"] = count_status(without_peaks, MapStatus::all_zero);
    json["null_slift_median"] = optional_json(
        summary(images, Statistic::median, [](const LocalisationScores& s) { return null_quantile(s, 0.5); }));
    json["null_slift_p95"] = optional_json(
        summary(images, Statistic::median, [](const LocalisationScores& s) { return null_quantile(s, 0.95); }));
    json["profile_without_peaks"] = profile_json(row.images, seed);
    json["by_class"] = by_class_json(row.images, class_names, seed);
    if (std::ranges::any_of(row.images, [](const ImageScore& image) { return image.correct.has_value(); })) {
        json["by_prediction"] = by_prediction_json(row.images, seed);
    }
    json["by_snr"] = bands_json(row.images, "snr", seed);
    json["by_d_A"] = bands_json(row.images, "d_A", seed);
    json["by_radius"] = nlohmann::json::array();
    for (std::size_t i = 0; i < other_radii_px.size(); ++i) {
        json["by_radius"].push_back(scores_json(at_place(row.images, &ImageScore::other_radii, i), seed));
        json["by_radius"].back()["radius_px"] = other_radii_px[i];
    }
    return json;
}

}  // namespace braggbench
