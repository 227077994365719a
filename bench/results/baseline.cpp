#include "bench/results/baseline.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

const Measure* find(const Results& results, const std::string& id) {
    const auto found = std::ranges::find(results.measures, id, &Measure::id);
    return found == results.measures.end() ? nullptr : &*found;
}

std::optional<TrainingScatter> scatter_of(const Measure& measure, std::span<const Results> trainings) {
    std::vector<double> values = {*measure.metric.value};
    for (const Results& training : trainings) {
        if (const Measure* other = find(training, measure.id); other != nullptr && other->metric.value) {
            values.push_back(*other->metric.value);
        }
    }
    double mean = 0.0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    double squares = 0.0;
    for (const double value : values) squares += (value - mean) * (value - mean);
    // What no network says is the same in every run.
    if (std::ranges::count(values, values.front()) == std::ssize(values)) return std::nullopt;
    return TrainingScatter{static_cast<int>(values.size()),
                           std::sqrt(squares / static_cast<double>(values.size() - 1))};
}

}  // namespace

BaselineRecord update_baseline(const std::filesystem::path& baseline, const Results& fresh, const std::string& reason,
                               std::span<const Results> trainings) {
    if (reason.find_first_not_of(" \t\r\n") == std::string::npos) {
        throw UsageError(
            fmt::format("{}: no reason (whoever meets the new baseline must know why it is right). Give --reason "
                        "\"...\".",
                        baseline.string()));
    }
    BaselineRecord record{
        fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                    fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()))),
        reason, "", fmt::format("{} ({})", version(), git_commit())};
    Results updated = fresh;
    updated.baseline.clear();
    for (const Results& training : trainings) {
        if (training.suite != fresh.suite) {
            throw UsageError(
                fmt::format("--training: results of suite \"{}\" beside those of \"{}\" (they measure "
                            "different things). Make them with `braggbench bench {} --training-seed N`.",
                            training.suite, fresh.suite, fresh.suite));
        }
    }
    for (Measure& measure : updated.measures) {
        if (measure.kind == MeasureKind::score && measure.metric.value) {
            measure.training_scatter = scatter_of(measure, trainings);
        }
    }
    if (std::filesystem::exists(baseline)) {
        const Results before = read_results(baseline);
        if (before.suite != fresh.suite) {
            throw UsageError(
                fmt::format("{}: of suite \"{}\", the new results of suite \"{}\" (one cannot stand for the "
                            "other). Name another file.",
                            baseline.string(), before.suite, fresh.suite));
        }
        updated.baseline = before.baseline;
        if (trainings.empty()) {
            for (Measure& measure : updated.measures) {
                if (const Measure* was = find(before, measure.id)) measure.training_scatter = was->training_scatter;
            }
        }
        record.previous = results_hash(before);
    }
    updated.baseline.push_back(record);
    write_results(baseline, updated);
    return record;
}

}  // namespace braggbench
