// Accuracy against the strength of what is to be seen (spot signal, ice thickness, misorientation), as psychometric
// curves: a table in bins, and a logistic curve with the strength at which the answer becomes right often enough.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

enum class StrengthScale { linear, logarithmic };

struct PsychometricOptions {
    StrengthScale scale = StrengthScale::linear;
    double chance = 0.5;  // share of right answers where there is nothing to be seen
    // Ascending; a bin holds its low edge, the last one both. Images outside are in no bin, but in the fit. Empty:
    // bin_count bins with about equally many images, equal strengths together.
    std::vector<double> bin_edges;
    int bin_count = 10;
    double max_lapse = 0.05;                   // errors that no strength prevents: fitted from 0 up to this
    std::optional<double> threshold_accuracy;  // default: midway between chance and 1
    int resamples = 2000;
};

struct StrengthBin {
    double low = 0.0;
    double high = 0.0;
    std::int64_t count = 0;
    std::optional<double> mean_strength;
    Metric accuracy;  // Wilson interval
};

// chance + (1 - chance - lapse) / (1 + exp(-slope (x - midpoint))), x = strength, or its natural logarithm (then
// `midpoint` is exp of it, a strength, all the same).
struct PsychometricFit {
    double midpoint = 0.0;
    double slope = 0.0;  // per unit of x; negative where strength hinders (background)
    double lapse = 0.0;
    double log_likelihood = 0.0;
    double flat_log_likelihood = 0.0;  // of the same accuracy at every strength
    [[nodiscard]] double accuracy_at(double strength, const PsychometricOptions& options) const;
};

struct PsychometricCurve {
    std::vector<StrengthBin> bins;
    std::optional<PsychometricFit> fit;  // absent without two different strengths
    // The strength where the curve passes threshold_accuracy; interval by bootstrap of the images. Undefined if the
    // answers don't depend on strength (likelihood ratio below 3.84, the 5 % level of chi squared with one degree of
    // freedom), if the curve never reaches that accuracy, or only outside the strengths measured.
    Metric threshold;
};

// right[i]: 1 if the answer is. The fit is by maximum likelihood (Wichmann & Hill 2001, Percept. Psychophys. 63, 1293),
// the lapse in steps of a fifth of max_lapse, over at most 200 groups of images of neighbouring strength. Throws
// UsageError for different lengths, strengths that are not finite (or not positive, if logarithmic), and options out of
// range.
PsychometricCurve psychometric_curve(std::span<const double> strengths, std::span<const int> right, std::uint64_t seed,
                                     const PsychometricOptions& options = {});
void to_json(nlohmann::json& json, const PsychometricCurve& curve);

}  // namespace braggbench
