// What an axis of a grid does to a score: means and differences over everything else, paired by seed and by all other
// axes, with intervals over the seeds, over the test images, and over both.
#pragma once

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/ablation/grid.hpp"

namespace braggbench {

// A score of one cell, and the same of every resample of the test images, drawn alike for all cells.
struct CellScore {
    Cell cell;
    std::optional<double> value;
    std::vector<std::optional<double>> resampled;
};

struct Estimate {
    std::optional<double> value;
    int seeds = 0;
    // Student's t over the seeds' own values: what another training would differ by. Absent with a single seed.
    std::optional<std::array<double, 2>> over_seeds;
    // Percentile bootstrap over the test images, the networks as they are.
    std::optional<std::array<double, 2>> over_images;
    // Both: t with the two variances added and the degrees of freedom of Welch (1947) and Satterthwaite (1946). The
    // noise of single answers is in both, so it is rather too wide than too narrow.
    std::optional<std::array<double, 2>> ci95;
    std::optional<double> p;  // two-sided, of a value of 0, by the same t
};
void to_json(nlohmann::json& json, const Estimate& estimate);

// From the value of each seed, and the mean over the seeds of each resample.
Estimate estimate_of(std::span<const double> seed_values, std::span<const std::optional<double>> resampled);

// The sum over cells of weight(cell) * score, seed by seed; cells of weight 0 are not looked at. Undefined where a
// score that counts is.
Estimate contrast(std::span<const CellScore> scores, const std::function<double(const Cell&)>& weight);

// The scores must be those of a full grid, as cells_of() gives it.
//
// The mean over all cells in which these axes have these values.
struct Setting {
    Axis axis;
    std::string value;
};
Estimate mean_at(std::span<const CellScore> scores, std::span<const Setting> settings);

// The mean of score(value) - score(reference) over cells that are alike in everything else.
Estimate effect(std::span<const CellScore> scores, Axis axis, const std::string& value, const std::string& reference);

// What the effect of `first` is more where `second` has its value than where it has its reference.
struct Step {
    Axis axis;
    std::string value;
    std::string reference;
};
Estimate interaction(std::span<const CellScore> scores, const Step& first, const Step& second);

}  // namespace braggbench
