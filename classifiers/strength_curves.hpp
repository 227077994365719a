// How strong must it be to be seen? Right answers of a model against what the corpus drew: ice against its thickness, a
// second lattice against its misorientation, a hit against its peaks, anything against the background.
#pragma once

#include <nlohmann/json.hpp>

#include "classifiers/predictions.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

// Array of {"head", "output", "quantity", "units", "scale", "measure", "images", "left_out", "at_zero", "floor",
// "curve", "line"}. The curve of a yes-or-no question ("measure": "detected") is the share of the images of which it is
// true that are said to be so; its floor is the share of false alarms among the others. That of a head of classes
// ("right") is the share of right answers, with floor 0. Scales are logarithmic: images of strength 0 count in
// "at_zero" alone. What varies less than tenfold, what the corpus does not know, and questions with fewer than
// min_curve_images true images have no curve. docs/metrics.md says how the curve is fitted.
inline constexpr std::int64_t min_curve_images = 20;
nlohmann::json strength_curves(const Predictions& predictions, const CorpusReader& corpus, unsigned threads = 0);

}  // namespace braggbench
