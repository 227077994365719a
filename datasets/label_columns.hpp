// The labels of a corpus as columns of numbers, one per image, and how they correlate: each class as 0 or 1, each
// attribute, the grade (0 miss, 1 maybe, 2 hit), each value in its units. NaN is undefined.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"

namespace braggbench {

enum class LabelKind { of_class, attribute, grade, value };
const char* name_of(LabelKind kind);  // "class", "attribute", "grade", "value"

struct LabelColumn {
    std::string name;  // of the class, attribute or value; "grade"
    LabelKind kind = LabelKind::of_class;
    std::string units = "1";
    std::vector<double> values;
};

std::vector<LabelColumn> label_columns(const CorpusReader& corpus);

// Pearson's correlation over the places where both are defined; none if either is constant there.
std::optional<double> correlation(std::span<const double> a, std::span<const double> b);

// Of every column with every other, row by row.
std::vector<std::vector<std::optional<double>>> correlation_matrix(std::span<const LabelColumn> columns);

}  // namespace braggbench
