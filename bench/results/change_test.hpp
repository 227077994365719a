// How a change becomes a verdict: a test, Holm's correction over all tests of the comparison, and a margin.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "bench/results/comparison.hpp"

namespace braggbench {

// How far apart two runs of the same program on the same machine find the same speed, relative to the calibration: a
// standard deviation of its logarithm that the repeats of one run cannot show where nothing else runs
// (bench/accuracy/speed_scatter, docs/comparing.md).
inline constexpr double speed_scatter = 0.07;

// A difference of paired scores counts if it is more than this part of half of BASE's interval: rounding on another
// machine may shift every image the same way, which is statistically sure and still nothing.
inline constexpr double paired_margin = 0.1;

// The number of standard deviations that a standard normal exceeds with probability p.
double upper_normal_quantile(double p);

struct TestedChange {
    MeasureChange change;
    // The difference that is found in 4 of 5 comparisons if p must be as small as `level`; empty: nothing was tested.
    std::function<double(double level)> detectable;
};

// The difference found in 4 of 5 comparisons if it scatters normally with this deviation.
double normal_detectable(double level, double deviation);

// Scores with samples of equal units: paired_change(). The strata are BASE's.
TestedChange test_pairs(MeasureChange change, const Samples& base, const Samples& fresh);
// Scores of other images, or without samples: the interval of the difference of two independent numbers from theirs
// (MOVER; Zou & Donner 2008, Stat. Med. 27, 1693), and p as if it were normal. Where networks were trained that need
// not be the same, both runs are two of the trainings that scatter so: p is then of Student's t (Welch, Satterthwaite).
TestedChange test_intervals(MeasureChange change, const std::optional<TrainingScatter>& scatter);
// One run's speeds, a repeat each, relative to the calibration, whose times scatter so much.
struct RelativeSpeeds {
    std::vector<double> repeats;
    double scatter = 0.0;
};
// From the logarithms of at least 3 repeats in each; between runs they differ by speed_scatter and the calibrations'.
TestedChange test_speeds(MeasureChange change, const RelativeSpeeds& base, const RelativeSpeeds& fresh);

// Sets p_holm, detectable differences and the verdicts of all that was tested.
void judge(std::vector<TestedChange>& changes);

}  // namespace braggbench
