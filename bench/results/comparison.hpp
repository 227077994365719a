// What changed between two runs of a suite, so surely that a team can act on it (docs/comparing.md gives the rules).
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/results/results.hpp"

namespace braggbench {

enum class Verdict { regression, improvement, unchanged, not_comparable };
std::string_view name_of(Verdict verdict);

// The chance that a comparison of two runs between which nothing changed reports any change, whatever the number of
// measures (Holm).
inline constexpr double false_alarm_rate = 0.01;

struct MeasureChange {
    std::string id;
    MeasureKind kind = MeasureKind::score;
    Better better = Better::higher;
    std::string unit;
    std::optional<Metric> base;   // absent: not in BASE
    std::optional<Metric> fresh;  // absent: not in NEW
    std::int64_t base_n = 0;
    std::int64_t fresh_n = 0;
    Verdict verdict = Verdict::not_comparable;
    std::string test;                  // "McNemar", "swapped pairs", "intervals", "repeats", "rank sum", "text"
    std::optional<double> difference;  // NEW - BASE; of speeds how much faster: 0.1 is 10 %
    std::optional<std::array<double, 2>> ci95;  // of the difference
    std::optional<double> margin;               // smaller differences never count
    std::optional<double> p;
    std::optional<double> p_holm;      // over all measures compared
    std::optional<double> detectable;  // the difference that is found in 4 of 5 comparisons like this one
    std::string why;                   // of what is not comparable, or of a regression without numbers
};

struct ResultsComparison {
    std::string title;  // "suite ci"
    std::vector<std::string> notes;
    std::vector<MeasureChange> changes;  // in BASE's order, then what only NEW has

    [[nodiscard]] std::int64_t count(Verdict verdict) const;
};

// Throws UsageError for different suites, DataError for files that contradict each other (samples of the same images,
// but of another number or other classes).
ResultsComparison compare_results(const Results& base, const Results& fresh);

nlohmann::json comparison_json(const ResultsComparison& comparison);
std::string comparison_text(const ResultsComparison& comparison);  // for a terminal, regressions first
std::string comparison_markdown(const ResultsComparison& comparison);
std::string comparison_csv(const ResultsComparison& comparison);
std::string comparison_junit(const ResultsComparison& comparison);

}  // namespace braggbench
