#include "bench/results/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bench/results/change_test.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using ById = std::map<std::string, const Measure*>;

ById by_id(const Results& results) {
    ById measures;
    for (const Measure& measure : results.measures) measures[measure.id] = &measure;
    return measures;
}

std::string machine_text(const MachineRecord& machine) {
    return fmt::format("{}, {} cores, {} threads", machine.processor, machine.cores, machine.threads);
}

bool same_machine(const MachineRecord& a, const MachineRecord& b) {
    return a.processor == b.processor && a.cores == b.cores && a.threads == b.threads;
}

// What one machine does while its calibration kernel runs once: images, or runs of what was timed.
RelativeSpeeds relative_speeds(const Measure& measure, const MachineRecord& machine) {
    RelativeSpeeds speeds{{}, machine.calibration_scatter};
    if (!measure.samples) return speeds;
    for (const double value : measure.samples->values) {
        speeds.repeats.push_back(measure.better == Better::higher ? value * machine.calibration_ms
                                                                  : machine.calibration_ms / value);
    }
    return speeds;
}

std::optional<std::string> different_definition(const Measure& base, const Measure& fresh) {
    if (base.kind != fresh.kind) return fmt::format("a {} became a {}", name_of(base.kind), name_of(fresh.kind));
    if (base.unit != fresh.unit) return fmt::format("in \"{}\" and \"{}\"", base.unit, fresh.unit);
    if (base.better != fresh.better) return std::string("higher is better in one, lower in the other");
    if (base.samples && fresh.samples && base.samples->median != fresh.samples->median) {
        return std::string("a mean in one, a median in the other");
    }
    return std::nullopt;
}

// Whether image by image; equal units must then mean what they say.
bool paired(const Measure& base, const Measure& fresh) {
    if (!base.samples || !fresh.samples || base.samples->units != fresh.samples->units) return false;
    if (base.samples->values.size() != fresh.samples->values.size()) {
        throw DataError(
            fmt::format("measure \"{}\": {} samples in BASE and {} in NEW of the same units (images are missing). "
                        "Make both files anew with `braggbench bench SUITE -o FILE`.",
                        base.id, base.samples->values.size(), fresh.samples->values.size()));
    }
    if (base.samples->strata != fresh.samples->strata) {
        throw DataError(
            fmt::format("measure \"{}\": the same units are of other classes in BASE than in NEW (one of the files "
                        "was altered). Make both files anew with `braggbench bench SUITE -o FILE`.",
                        base.id));
    }
    return true;
}

TestedChange compare_exact(MeasureChange change, const Measure& base, const Measure& fresh) {
    change.test = "text";
    change.verdict = base.text == fresh.text ? Verdict::unchanged : Verdict::regression;
    if (base.text != fresh.text) change.why = fmt::format("{} became {}", base.text, fresh.text);
    return {std::move(change), {}};
}

TestedChange compare_speed(MeasureChange change, const Measure& base, const Measure& fresh, const Results& before,
                           const Results& after) {
    if (!same_machine(before.machine, after.machine)) {
        change.why = "measured on another machine";
        return {std::move(change), {}};
    }
    const double calibration = std::min(before.machine.calibration_ms, after.machine.calibration_ms);
    if (!(calibration > 0.0)) {
        change.why = "a machine without calibration";
        return {std::move(change), {}};
    }
    return test_speeds(std::move(change), relative_speeds(base, before.machine), relative_speeds(fresh, after.machine));
}

TestedChange compare_measures(const Measure& base, const Measure& fresh, const Results& before, const Results& after) {
    MeasureChange change;
    change.id = base.id;
    change.kind = base.kind;
    change.better = base.better;
    change.unit = base.unit;
    change.base = base.metric;
    change.fresh = fresh.metric;
    change.base_n = base.n;
    change.fresh_n = fresh.n;
    if (const auto difference = different_definition(base, fresh)) {
        change.why = *difference;
        return {std::move(change), {}};
    }
    if (base.kind == MeasureKind::exact) return compare_exact(std::move(change), base, fresh);
    if (!base.metric.value || !fresh.metric.value) {
        change.verdict = base.metric.value ? Verdict::regression : Verdict::not_comparable;
        change.why = base.metric.value ? "undefined in NEW" : "undefined in BASE";
        return {std::move(change), {}};
    }
    if (base.kind == MeasureKind::speed) return compare_speed(std::move(change), base, fresh, before, after);
    if (paired(base, fresh)) return test_pairs(std::move(change), *base.samples, *fresh.samples);
    return test_intervals(std::move(change), base.training_scatter);
}

TestedChange only_one(const Measure& measure, bool in_base, bool same_suite) {
    MeasureChange change;
    change.id = measure.id;
    change.kind = measure.kind;
    change.better = measure.better;
    change.unit = measure.unit;
    (in_base ? change.base : change.fresh) = measure.metric;
    (in_base ? change.base_n : change.fresh_n) = measure.n;
    // The same suite measures the same things: what is gone was lost.
    if (in_base && same_suite) change.verdict = Verdict::regression;
    change.why = in_base ? "missing in NEW" : "missing in BASE";
    return {std::move(change), {}};
}

}  // namespace

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::regression:
            return "regression";
        case Verdict::improvement:
            return "improvement";
        case Verdict::unchanged:
            return "unchanged";
        case Verdict::not_comparable:
            break;
    }
    return "not comparable";
}

std::int64_t ResultsComparison::count(Verdict verdict) const {
    return std::count_if(changes.begin(), changes.end(),
                         [&](const MeasureChange& change) { return change.verdict == verdict; });
}

ResultsComparison compare_results(const Results& base, const Results& fresh) {
    if (base.suite != fresh.suite) {
        throw UsageError(fmt::format(
            "BASE is of suite \"{}\", NEW of suite \"{}\" (they measure different things). Compare two runs "
            "of one suite.",
            base.suite, fresh.suite));
    }
    ResultsComparison result;
    result.title = fmt::format("suite {}", base.suite);
    const bool same_suite = base.suite_hash == fresh.suite_hash;
    if (!same_suite) {
        result.notes.emplace_back(
            "the suite was changed between the runs: what was lost does not count as a regression");
    }
    if (!same_machine(base.machine, fresh.machine)) {
        result.notes.push_back(fmt::format("speeds are not comparable: BASE ran on {}; NEW on {}",
                                           machine_text(base.machine), machine_text(fresh.machine)));
    }
    if (!base.baseline.empty()) {
        result.notes.push_back(
            fmt::format("baseline of {}: {}", base.baseline.back().date, base.baseline.back().reason));
    }
    std::vector<TestedChange> changes;
    const ById after = by_id(fresh);
    for (const Measure& measure : base.measures) {
        const auto found = after.find(measure.id);
        changes.push_back(found == after.end() ? only_one(measure, true, same_suite)
                                               : compare_measures(measure, *found->second, base, fresh));
    }
    const ById before = by_id(base);
    for (const Measure& measure : fresh.measures) {
        if (!before.contains(measure.id)) changes.push_back(only_one(measure, false, same_suite));
    }
    judge(changes);
    for (TestedChange& tested : changes) result.changes.push_back(std::move(tested.change));
    return result;
}

}  // namespace braggbench
