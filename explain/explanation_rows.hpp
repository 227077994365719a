// From the scores of one kind of map on many images to a row of the explanation's JSON (docs/results.md): medians and
// means with bootstrap intervals, each beside its chance level.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "explain/localisation.hpp"

namespace braggbench {

struct MapId {
    std::string map;    // "hires_cam", "intensity", ...
    std::string stage;  // "input" for maps that are made at the input's pixels
    std::string kind;   // "attribution", "untrained", "baseline" or "oracle"
    double stride_px = 1.0;
};

struct ImageScore {
    int class_index = 0;
    std::optional<bool> correct;  // was the prediction right; none where there is no prediction
    bool has_peaks = false;       // otherwise only the status of `scores` means anything
    LocalisationScores scores;
    std::vector<LocalisationScores> other_radii{};  // as LocalisationOptions has them
    std::vector<LocalisationScores> bands{};        // as peak_bands has them, or none
};

struct MapRow {
    MapId id;
    std::vector<ImageScore> images;
};

inline constexpr int bootstrap_resamples = 2000;

// A value and the class it came from.
struct Sample {
    int class_index = 0;
    double value = 0.0;
};
enum class Statistic { mean, median };
struct Estimate {
    std::optional<double> value;
    std::optional<std::array<double, 2>> ci95;  // absent for fewer than two samples
};
// Percentile bootstrap, resampled within each class so that the mix of classes stays; keyed by the seed.
Estimate estimate(std::span<const Sample> samples, Statistic statistic, std::uint64_t seed);

// The chance that a map that knows nothing of its images has a median sLift as high: with each image's sLift replaced
// by that of one of its nulls (LocalisationScores::null_slift), (1 + how often it is) / (1 + bootstrap_resamples).
std::optional<double> permutation_p(std::span<const LocalisationScores* const> images, std::uint64_t seed);

// `other_radii_px` are those of ImageScore::other_radii.
nlohmann::json row_json(const MapRow& row, const std::vector<std::string>& class_names, std::uint64_t seed,
                        std::span<const double> other_radii_px = {});

}  // namespace braggbench
