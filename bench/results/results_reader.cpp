// Reads a file of results strictly: what the schema does not name is a fault, as is what is missing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bench/results/json_file.hpp"
#include "bench/results/results.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr std::string_view anew = "Make the file anew with `braggbench bench SUITE -o FILE`.";

// One object of the file, where it stands, and which of its members there may be.
class Members {
public:
    Members(const json& object, std::string place, std::vector<std::string> names)
        : object_(object), place_(std::move(place)), names_(std::move(names)) {
        if (!object_.is_object()) fail("not an object");
        for (const auto& [key, value] : object_.items()) {
            if (std::find(names_.begin(), names_.end(), key) == names_.end()) {
                throw DataError(fmt::format("{}: unknown member \"{}\". Did you mean \"{}\"? {}", place_, key,
                                            nearest_name(key, names_), anew));
            }
        }
    }

    [[nodiscard]] bool has(const std::string& name) const { return object_.contains(name); }
    [[nodiscard]] const json& at(const std::string& name) const {
        const auto found = object_.find(name);
        if (found == object_.end()) fail(fmt::format("no member \"{}\"", name));
        return *found;
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        if (!at(name).is_string()) fail(fmt::format("\"{}\" is not a text", name));
        return at(name).get<std::string>();
    }
    [[nodiscard]] double number(const std::string& name) const { return number(at(name), name); }
    [[nodiscard]] std::optional<double> optional_number(const std::string& name) const {
        return at(name).is_null() ? std::nullopt : std::optional(number(name));
    }
    [[nodiscard]] std::int64_t integer(const std::string& name) const { return integer(at(name), name); }
    [[nodiscard]] bool flag(const std::string& name) const {
        if (!at(name).is_boolean()) fail(fmt::format("\"{}\" is neither true nor false", name));
        return at(name).get<bool>();
    }
    [[nodiscard]] const json& list(const std::string& name) const {
        if (!at(name).is_array()) fail(fmt::format("\"{}\" is not a list", name));
        return at(name);
    }
    [[nodiscard]] double number(const json& value, const std::string& name) const {
        if (!value.is_number()) fail(fmt::format("\"{}\" is {}, not a number", name, value.dump()));
        return value.get<double>();
    }
    [[nodiscard]] std::int64_t integer(const json& value, const std::string& name) const {
        if (!value.is_number_integer()) fail(fmt::format("\"{}\" is {}, not a whole number", name, value.dump()));
        return value.get<std::int64_t>();
    }
    [[noreturn]] void fail(const std::string& problem) const {
        throw DataError(fmt::format("{}: {} (bench/results/results.schema.json). {}", place_, problem, anew));
    }

private:
    const json& object_;
    std::string place_;
    std::vector<std::string> names_;
};

template <class Enum>
Enum named(const Members& members, const std::string& name, std::initializer_list<Enum> values) {
    const std::string text = members.text(name);
    for (const Enum value : values) {
        if (name_of(value) == text) return value;
    }
    members.fail(fmt::format("\"{}\" is \"{}\"", name, text));
}

Samples read_samples(const json& object, const std::string& place) {
    const Members members(object, place, {"units", "values", "strata", "median"});
    Samples samples;
    samples.units = members.text("units");
    for (const json& value : members.list("values")) samples.values.push_back(members.number(value, "values"));
    for (const json& value : members.list("strata")) {
        samples.strata.push_back(static_cast<int>(members.integer(value, "strata")));
    }
    samples.median = members.flag("median");
    return samples;
}

Measure read_measure(const json& object, const std::string& place) {
    const Members members(object, place,
                          {"id", "step", "kind", "better", "unit", "n", "value", "ci95", "chance", "text", "samples",
                           "training_scatter"});
    Measure measure;
    measure.id = members.text("id");
    measure.step = members.text("step");
    measure.kind = named(members, "kind", {MeasureKind::score, MeasureKind::speed, MeasureKind::exact});
    measure.better = named(members, "better", {Better::higher, Better::lower});
    measure.unit = members.text("unit");
    measure.n = members.integer("n");
    measure.metric.value = members.optional_number("value");
    measure.metric.chance = members.optional_number("chance");
    if (const json& interval = members.at("ci95"); !interval.is_null()) {
        if (!interval.is_array() || interval.size() != 2) members.fail("\"ci95\" is not a pair");
        measure.metric.ci95 = {members.number(interval[0], "ci95"), members.number(interval[1], "ci95")};
    }
    if (members.has("text")) measure.text = members.text("text");
    if (members.has("samples")) measure.samples = read_samples(members.at("samples"), place + ".samples");
    if (members.has("training_scatter")) {
        const Members scatter(members.at("training_scatter"), place + ".training_scatter", {"trainings", "deviation"});
        measure.training_scatter = {static_cast<int>(scatter.integer("trainings")), scatter.number("deviation")};
    }
    return measure;
}

StepRecord read_step(const json& object, const std::string& place) {
    const Members members(object, place, {"name", "kind", "hash", "cached", "wall_s", "cpu_s"});
    return {members.text("name"),   members.text("kind"),     members.text("hash"),
            members.flag("cached"), members.number("wall_s"), members.number("cpu_s")};
}

MachineRecord read_machine(const json& object, const std::string& place) {
    const Members members(object, place,
                          {"processor", "cores", "threads", "memory_gib", "calibration_ms", "calibration_scatter"});
    return {members.text("processor"),
            static_cast<int>(members.integer("cores")),
            static_cast<int>(members.integer("threads")),
            members.number("memory_gib"),
            members.number("calibration_ms"),
            members.number("calibration_scatter")};
}

BaselineRecord read_baseline(const json& object, const std::string& place) {
    const Members members(object, place, {"date", "reason", "previous", "version"});
    return {members.text("date"), members.text("reason"), members.text("previous"), members.text("version")};
}

void require_schema(const json& object, const std::string& place) {
    if (!object.is_object() || !object.contains("schema") || !object.at("schema").is_string()) {
        throw DataError(
            fmt::format("{}: not a file of results (no \"schema\": \"{}\"). {}", place, results_schema, anew));
    }
    if (const auto schema = object.at("schema").get<std::string>(); schema != results_schema) {
        throw DataError(fmt::format("{}: schema {} (this version reads {}). {}", place, schema, results_schema, anew));
    }
}

}  // namespace

Results read_results(const std::filesystem::path& path) {
    const std::string place = path.string();
    const json object = read_json_file(path, anew);
    require_schema(object, place);
    const Members members(object, place,
                          {"schema", "suite", "suite_hash", "provenance", "machine", "steps", "measures", "baseline"});
    Results results;
    results.suite = members.text("suite");
    results.suite_hash = members.text("suite_hash");
    results.provenance = members.at("provenance");
    results.machine = read_machine(members.at("machine"), place + ": machine");
    const auto read_list = [&](const std::string& name, auto read, auto& into) {
        const json& list = members.list(name);
        for (std::size_t i = 0; i < list.size(); ++i) {
            into.push_back(read(list[i], fmt::format("{}: {}[{}]", place, name, i)));
        }
    };
    read_list("steps", read_step, results.steps);
    read_list("measures", read_measure, results.measures);
    if (members.has("baseline")) read_list("baseline", read_baseline, results.baseline);
    if (const auto faults = results_faults(results); !faults.empty()) {
        throw DataError(fmt::format("{}: {}", place, fmt::join(faults, "\n")));
    }
    return results;
}

}  // namespace braggbench
