#include "bench/suite/results_writers.hpp"
#include "bench/results/xml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/suite/measures.hpp"

namespace braggbench {
namespace {

// Four digits, and no more zeros than needed before a small one.
std::string number(double value) {
    if (value == 0.0) return "0";
    const double size = std::abs(value);
    if (size >= 1000.0) return fmt::format("{:.0f}", value);
    return size >= 0.001 ? fmt::format("{:.{}f}", value, size >= 10.0 ? 2 : 4) : fmt::format("{:.2e}", value);
}
std::string number(std::optional<double> value) { return value ? number(*value) : "n/a"; }

std::string interval(const Metric& metric) {
    return metric.ci95 ? fmt::format("[{}, {}]", number((*metric.ci95)[0]), number((*metric.ci95)[1])) : "";
}

std::string with_unit(const Measure& measure) {
    const std::string text = number(measure.metric.value);
    return measure.unit.empty() || !measure.metric.value ? text : text + " " + measure.unit;
}

// Of a speed also how it compares with the machine's calibration kernel.
std::string value_text(const Measure& measure, const Results& results) {
    if (measure.kind == MeasureKind::exact) return measure.text;
    std::string text = with_unit(measure);
    if (const auto ci = interval(measure.metric); !ci.empty()) text += " " + ci;
    if (measure.kind == MeasureKind::speed && measure.unit == "ms" && results.machine.calibration_ms > 0.0) {
        text += fmt::format(" ({} of the calibration)", number(*measure.metric.value / results.machine.calibration_ms));
    }
    return text;
}

std::string chance_text(const Measure& measure) { return measure.metric.chance ? number(*measure.metric.chance) : ""; }

std::string short_id(const Measure& measure) { return measure.id.substr(measure.step.size() + 1); }

std::string times(const StepRecord& step) {
    return fmt::format("{:.1f} s, {:.1f} s of processor{}", step.wall_s, step.cpu_s, step.cached ? ", cached" : "");
}

std::string machine_text(const Results& results) {
    const auto& machine = results.machine;
    return fmt::format("{}, {} cores, {} threads, {:.0f} GiB, calibration {:.1f} ms", machine.processor, machine.cores,
                       machine.threads, machine.memory_gib, machine.calibration_ms);
}

template <class Visit>
void for_each_of_step(const Results& results, const StepRecord& step, const Visit& visit) {
    for (const auto& measure : results.measures) {
        if (measure.step == step.name) visit(measure);
    }
}

std::string csv_number(std::optional<double> value) { return value ? fmt::format("{}", *value) : ""; }

std::string csv_text(const std::string& text) {
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

}  // namespace

std::string results_table(const Results& results) {
    std::size_t width = 8;
    for (const auto& measure : results.measures) width = std::max(width, short_id(measure).size());
    std::string out = fmt::format("suite {} on {}\n", results.suite, machine_text(results));
    for (const auto& step : results.steps) {
        out += fmt::format("\n{} ({}; {})\n", step.name, step.kind, times(step));
        for_each_of_step(results, step, [&](const Measure& measure) {
            const auto chance = chance_text(measure);
            out += fmt::format("  {:<{}}  {}{}{}\n", short_id(measure), width, value_text(measure, results),
                               chance.empty() ? "" : ", chance " + chance,
                               measure.kind == MeasureKind::score ? fmt::format(", n {}", measure.n) : "");
        });
    }
    const auto wrong = std::ranges::count_if(results.measures, is_wrong);
    if (wrong > 0) out += fmt::format("\n{} known answers came out wrong (look for \"wrong:\" above).\n", wrong);
    return out;
}

std::string results_markdown(const Results& results) {
    std::string out = fmt::format("# Suite {}\n\n{}\n", results.suite, machine_text(results));
    for (const auto& step : results.steps) {
        out += fmt::format("\n## {} ({})\n\n{}\n", step.name, step.kind, times(step));
        bool first = true;
        for_each_of_step(results, step, [&](const Measure& measure) {
            if (std::exchange(first, false)) {
                out += "\n| measure | value [95 % interval] | chance | n |\n| --- | --- | --- | --- |\n";
            }
            out += fmt::format("| {} | {} | {} | {} |\n", short_id(measure), value_text(measure, results),
                               chance_text(measure), measure.n);
        });
    }
    return out;
}

std::string results_csv(const Results& results) {
    std::string out = "id,step,kind,better,unit,value,ci95_low,ci95_high,chance,n,text\n";
    for (const auto& measure : results.measures) {
        const auto& ci = measure.metric.ci95;
        out += fmt::format(
            "{},{},{},{},{},{},{},{},{},{},{}\n", csv_text(measure.id), csv_text(measure.step), name_of(measure.kind),
            name_of(measure.better), measure.unit, csv_number(measure.metric.value), ci ? csv_number((*ci)[0]) : "",
            ci ? csv_number((*ci)[1]) : "", csv_number(measure.metric.chance), measure.n, csv_text(measure.text));
    }
    return out;
}

std::string results_junit(const Results& results) {
    std::string cases;
    std::size_t failures = 0;
    double total_s = 0.0;
    for (const auto& step : results.steps) {
        total_s += step.wall_s;
        // The step's time stands at its first case.
        double left_s = step.wall_s;
        for_each_of_step(results, step, [&](const Measure& measure) {
            const auto text = escaped_xml(value_text(measure, results));
            cases += fmt::format("    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{:.3f}\">",
                                 escaped_xml(results.suite), escaped_xml(step.name), escaped_xml(short_id(measure)),
                                 std::exchange(left_s, 0.0));
            if (is_wrong(measure)) {
                ++failures;
                cases += fmt::format("<failure message=\"{}\"/>", text);
            }
            cases += fmt::format("<system-out>{}</system-out></testcase>\n", text);
        });
    }
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n"
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"{:.3f}\">\n{}  </testsuite>\n"
        "</testsuites>\n",
        escaped_xml(results.suite), results.measures.size(), failures, total_s, cases);
}

}  // namespace braggbench
