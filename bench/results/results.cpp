#include "bench/results/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/structure_factor_cache.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

// Sums of the same values in another order differ by rounding; anything more is another number.
constexpr double rounding = 1e-6;

double summary(const Samples& samples) {
    std::vector<double> values = samples.values;
    if (!samples.median) {
        double sum = 0.0;
        for (const double value : values) sum += value;
        return sum / static_cast<double>(values.size());
    }
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

void add_sample_faults(const Measure& measure, const std::string& place, std::vector<std::string>& faults) {
    const Samples& samples = *measure.samples;
    if (samples.values.empty()) {
        faults.push_back(place + ": samples without values (nothing was scored). Leave them out.");
        return;
    }
    const auto add = [&](const std::string& what) { faults.push_back(fmt::format("{}: {}", place, what)); };
    for (std::size_t i = 0; i < samples.values.size(); ++i) {
        if (!std::isfinite(samples.values[i])) {
            add(fmt::format("sample {} is {} (a score is a finite number). Check what predicted it.", i,
                            samples.values[i]));
            return;
        }
    }
    if (static_cast<std::int64_t>(samples.values.size()) != measure.n) {
        add(fmt::format("{} samples for n = {} (there is one for each). Was the file cut? Make it anew.",
                        samples.values.size(), measure.n));
    }
    if (!samples.strata.empty() && samples.strata.size() != samples.values.size()) {
        add(fmt::format("{} strata for {} samples (each has one, or none has). Make the file anew.",
                        samples.strata.size(), samples.values.size()));
    }
    if (std::any_of(samples.strata.begin(), samples.strata.end(), [](int stratum) { return stratum < 0; })) {
        add("a negative stratum (they are counted from 0). Give the true classes.");
    }
    if (samples.units.empty()) add("samples without units (pairs are found by them). Name what they belong to.");
    if (!measure.metric.value) {
        add("samples, but no value. Give their mean or median.");
    } else if (std::isfinite(*measure.metric.value)) {
        const double expected = summary(samples);
        if (std::abs(*measure.metric.value - expected) > rounding * std::max(1.0, std::abs(expected))) {
            add(fmt::format("value {} is not the {} of its samples, {}. Make the file anew.", *measure.metric.value,
                            samples.median ? "median" : "mean", expected));
        }
    }
}

void add_measure_faults(const Measure& measure, std::vector<std::string>& faults) {
    const auto place = fmt::format("measure \"{}\"", measure.id);
    const auto add = [&](const std::string& what) { faults.push_back(fmt::format("{}: {}", place, what)); };
    const Metric& metric = measure.metric;
    const auto finite = [&](double value, const char* what) {
        if (!std::isfinite(value)) {
            add(fmt::format("{} is {} (a score is a finite number, or undefined). Check what predicted it.", what,
                            value));
        }
    };
    if (metric.value) finite(*metric.value, "value");
    if (metric.chance) finite(*metric.chance, "chance");
    if (metric.ci95) {
        finite((*metric.ci95)[0], "the interval's end");
        finite((*metric.ci95)[1], "the interval's end");
        if ((*metric.ci95)[0] > (*metric.ci95)[1]) add("its interval ends before it begins. Make the file anew.");
    }
    if (measure.n < 0) add(fmt::format("n = {} (it is a count). Make the file anew.", measure.n));
    if (measure.kind == MeasureKind::exact) {
        if (measure.text.empty()) add("nothing that must not change (\"text\" of kind exact). State it.");
        if (measure.samples) add("samples of kind exact (its text is compared). Leave them out.");
    } else if (!measure.text.empty()) {
        add("\"text\" (only measures of kind exact have one). Leave it out.");
    }
    if (measure.kind == MeasureKind::speed && metric.value && !(*metric.value > 0.0)) {
        add(fmt::format("speed {} (it is above 0). Measure it again.", *metric.value));
    }
    if (const auto& scatter = measure.training_scatter;
        scatter && (scatter->trainings < 2 || !std::isfinite(scatter->deviation) || scatter->deviation <= 0.0)) {
        add(
            fmt::format("a deviation of {} between {} trainings (it is above 0, of 2 or more). Update the baseline "
                        "anew with --training.",
                        scatter->deviation, scatter->trainings));
    }
    if (measure.samples) add_sample_faults(measure, place, faults);
}

json metric_member(std::optional<double> value) { return value ? json(*value) : json(nullptr); }

// Whole numbers without their ".0": shares of right answers are half of a file.
json sample_value(double value) {
    if (std::abs(value) < 1e15 && value == std::trunc(value)) return static_cast<std::int64_t>(value);
    return value;
}

json measure_json(const Measure& measure) {
    json result = {{"id", measure.id},
                   {"step", measure.step},
                   {"kind", name_of(measure.kind)},
                   {"better", name_of(measure.better)},
                   {"unit", measure.unit},
                   {"n", measure.n},
                   {"value", metric_member(measure.metric.value)},
                   {"ci95", nullptr},
                   {"chance", metric_member(measure.metric.chance)}};
    if (measure.metric.ci95) result["ci95"] = *measure.metric.ci95;
    if (measure.kind == MeasureKind::exact) result["text"] = measure.text;
    if (const auto& scatter = measure.training_scatter) {
        result["training_scatter"] = {{"trainings", scatter->trainings}, {"deviation", scatter->deviation}};
    }
    if (const auto& samples = measure.samples) {
        json values = json::array();
        for (const double value : samples->values) values.push_back(sample_value(value));
        result["samples"] = {{"units", samples->units},
                             {"values", std::move(values)},
                             {"strata", samples->strata},
                             {"median", samples->median}};
    }
    return result;
}

json step_json(const StepRecord& step) {
    return {{"name", step.name},     {"kind", step.kind},     {"hash", step.hash},
            {"cached", step.cached}, {"wall_s", step.wall_s}, {"cpu_s", step.cpu_s}};
}

}  // namespace

std::string_view name_of(MeasureKind kind) {
    switch (kind) {
        case MeasureKind::score:
            return "score";
        case MeasureKind::speed:
            return "speed";
        case MeasureKind::exact:
            break;
    }
    return "exact";
}

std::string_view name_of(Better better) { return better == Better::higher ? "higher" : "lower"; }

std::vector<std::string> results_faults(const Results& results) {
    std::vector<std::string> faults;
    if (results.suite.empty()) faults.emplace_back("suite: no name. Give one.");
    if (!results.provenance.is_object()) faults.emplace_back("provenance: not an object. Give one.");
    const MachineRecord& machine = results.machine;
    for (const double value : {machine.memory_gib, machine.calibration_ms, machine.calibration_scatter}) {
        if (!std::isfinite(value) || value < 0.0) {
            faults.push_back(fmt::format("machine: {} (not a size or time). Make the file anew.", value));
        }
    }
    std::set<std::string> steps;
    for (const StepRecord& step : results.steps) {
        if (!steps.insert(step.name).second) {
            faults.push_back(fmt::format("step \"{}\": occurs twice. Give each its own name.", step.name));
        }
        if (!std::isfinite(step.wall_s) || !std::isfinite(step.cpu_s)) {
            faults.push_back(fmt::format("step \"{}\": a time that is not finite. Run it again.", step.name));
        }
    }
    std::set<std::string> ids;
    for (const Measure& measure : results.measures) {
        if (measure.id.empty()) faults.emplace_back("a measure without id. Give each its own.");
        if (!ids.insert(measure.id).second) {
            faults.push_back(fmt::format("measure \"{}\": occurs twice. Give each its own id.", measure.id));
        }
        if (!steps.contains(measure.step)) {
            faults.push_back(
                fmt::format("measure \"{}\": step \"{}\" is not among the steps. Add it.", measure.id, measure.step));
        }
        add_measure_faults(measure, faults);
    }
    for (const BaselineRecord& record : results.baseline) {
        if (record.reason.empty()) faults.emplace_back("baseline: an update without reason. Give one.");
    }
    return faults;
}

json results_json(const Results& results) {
    json steps = json::array();
    for (const StepRecord& step : results.steps) steps.push_back(step_json(step));
    json measures = json::array();
    for (const Measure& measure : results.measures) measures.push_back(measure_json(measure));
    const MachineRecord& machine = results.machine;
    json result = {{"schema", results_schema},
                   {"suite", results.suite},
                   {"suite_hash", results.suite_hash},
                   {"provenance", results.provenance},
                   {"machine",
                    {{"processor", machine.processor},
                     {"cores", machine.cores},
                     {"threads", machine.threads},
                     {"memory_gib", machine.memory_gib},
                     {"calibration_ms", machine.calibration_ms},
                     {"calibration_scatter", machine.calibration_scatter}}},
                   {"steps", std::move(steps)},
                   {"measures", std::move(measures)}};
    if (!results.baseline.empty()) {
        json& history = result["baseline"] = json::array();
        for (const BaselineRecord& record : results.baseline) {
            history.push_back({{"date", record.date},
                               {"reason", record.reason},
                               {"previous", record.previous},
                               {"version", record.version}});
        }
    }
    return result;
}

std::string results_text(const Results& results) {
    const json all = results_json(results);
    std::string text = "{";
    for (const auto& [key, value] : all.items()) {
        text += fmt::format("{}\n  {}: ", text.size() > 1 ? "," : "", json(key).dump());
        if (!value.is_array()) {
            text += value.dump();
            continue;
        }
        text += "[";
        for (std::size_t i = 0; i < value.size(); ++i) text += (i > 0 ? ",\n    " : "\n    ") + value[i].dump();
        text += value.empty() ? "]" : "\n  ]";
    }
    return text + "\n}\n";
}

void write_results(const std::filesystem::path& path, const Results& results) {
    if (const auto faults = results_faults(results); !faults.empty()) {
        throw DataError(fmt::format("{}: not written, {}", path.string(), fmt::join(faults, "\n")));
    }
    replace_file(path, results_text(results));
}

std::string results_hash(const Results& results) { return ContentKey().add(results_text(results)).hex(); }

}  // namespace braggbench
