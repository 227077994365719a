// Scores of cells on each question that they answer: a class, a label, a value.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/ablation/cell_result.hpp"
#include "bench/ablation/effects.hpp"
#include "classifiers/metric.hpp"

namespace braggbench {

struct Question {
    std::string head;
    std::string name;  // of the label or value; of a head of classes the head's
    HeadKind kind = HeadKind::one_of_n;
    std::string units;
    bool operator==(const Question&) const = default;
};

// Of all cells, in the order in which they come.
std::vector<Question> questions_of(std::span<const CellResult> cells);

// By kind, the first is the one that matters: balanced_accuracy and mean_roc_auc of classes; roc_auc and
// balanced_accuracy of labels; r_squared of values.
std::vector<std::string> measures_of(HeadKind kind);

// How often each test image counts in each resample: drawn with replacement, the same for every cell.
using Resamples = std::vector<std::vector<int>>;
Resamples draw_resamples(std::size_t images, std::uint64_t seed, int count = 2000);

struct MeasuredCell {
    CellScore score;
    Metric metric;            // with the interval over the test images, and chance
    std::size_t images = 0;   // of which the truth is known
    double prevalence = 0.0;  // of labels: the share of them that are true
};

// Of the cells that answer it. Throws DataError for scores that are not finite.
std::vector<MeasuredCell> measure_cells(std::span<const CellResult> cells, const Question& question,
                                        const std::string& measure, const Resamples& resamples, unsigned threads);

}  // namespace braggbench
