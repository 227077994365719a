// A comparison as people, spreadsheets and CI services read it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/results/comparison.hpp"
#include "bench/results/xml_text.hpp"
#include "classifiers/csv.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr std::array verdicts = {Verdict::regression, Verdict::improvement, Verdict::not_comparable,
                                 Verdict::unchanged};

json optional_json(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

std::string number(double value) {
    return std::abs(value) >= 1000.0 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value);
}

std::string value_text(const std::optional<Metric>& metric) {
    if (!metric || !metric->value) return "-";
    const auto& ci = metric->ci95;
    return number(*metric->value) + (ci ? fmt::format(" [{}, {}]", number((*ci)[0]), number((*ci)[1])) : "");
}

std::string signed_number(const MeasureChange& change, double value) {
    if (change.kind == MeasureKind::speed) return fmt::format("{:+.1f} %", 100.0 * value);
    return fmt::format("{:+.4g}", value);
}

std::string difference_text(const MeasureChange& change) {
    if (!change.difference) return "-";
    std::string text = signed_number(change, *change.difference);
    if (const auto& ci = change.ci95) {
        text += fmt::format(" [{}, {}]", signed_number(change, (*ci)[0]), signed_number(change, (*ci)[1]));
    }
    return text;
}

std::string p_text(const std::optional<double>& p) { return p ? fmt::format("{:.2g}", *p) : "-"; }

std::string detectable_text(const MeasureChange& change) {
    if (!change.detectable) return "-";
    return change.kind == MeasureKind::speed ? fmt::format("{:.0f} %", 100.0 * *change.detectable)
                                             : number(*change.detectable);
}

std::vector<const MeasureChange*> of_verdict(const ResultsComparison& comparison, Verdict verdict) {
    std::vector<const MeasureChange*> changes;
    for (const MeasureChange& change : comparison.changes) {
        if (change.verdict == verdict) changes.push_back(&change);
    }
    return changes;
}

std::string counts_text(const ResultsComparison& comparison) {
    std::string text = comparison.title + ":";
    for (const Verdict verdict : verdicts) {
        const std::int64_t count = comparison.count(verdict);
        const bool plural = count != 1 && (verdict == Verdict::regression || verdict == Verdict::improvement);
        text += fmt::format("{} {} {}{}", verdict == verdicts.front() ? "" : ",", count, name_of(verdict),
                            plural ? "s" : "");
    }
    return text;
}

std::string explained(const MeasureChange& change) {
    std::string text = change.test;
    if (!change.why.empty()) text += (text.empty() ? "" : ": ") + change.why;
    return text;
}

std::string escaped_markdown(const std::string& text) {
    std::string result;
    for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
    return result;
}

std::string rule_text() {
    return fmt::format(
        "A change counts if its p, corrected for the number of measures (Holm), is at most {} and it is larger than "
        "its "
        "margin (docs/comparing.md). \"finds\" is the difference found in 4 of 5 comparisons.",
        false_alarm_rate);
}

std::string one_line(const MeasureChange& change) {
    return fmt::format("{} became {}, difference {}, p {} ({})", value_text(change.base), value_text(change.fresh),
                       difference_text(change), p_text(change.p_holm), explained(change));
}

}  // namespace

json comparison_json(const ResultsComparison& comparison) {
    json counts;
    for (const Verdict verdict : verdicts) {
        std::string key(name_of(verdict));
        std::replace(key.begin(), key.end(), ' ', '_');
        counts[key] = comparison.count(verdict);
    }
    json measures = json::array();
    for (const MeasureChange& change : comparison.changes) {
        measures.push_back({{"id", change.id},
                            {"kind", name_of(change.kind)},
                            {"better", name_of(change.better)},
                            {"unit", change.unit},
                            {"verdict", name_of(change.verdict)},
                            {"base", change.base ? json(*change.base) : json(nullptr)},
                            {"new", change.fresh ? json(*change.fresh) : json(nullptr)},
                            {"test", change.test},
                            {"difference", optional_json(change.difference)},
                            {"ci95", change.ci95 ? json(*change.ci95) : json(nullptr)},
                            {"margin", optional_json(change.margin)},
                            {"p", optional_json(change.p)},
                            {"p_holm", optional_json(change.p_holm)},
                            {"detectable", optional_json(change.detectable)},
                            {"why", change.why}});
    }
    return {{"command", "bench compare"},
            {"compared", comparison.title},
            {"notes", comparison.notes},
            {"false_alarm_rate", false_alarm_rate},
            {"counts", counts},
            {"measures", measures},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

std::string comparison_text(const ResultsComparison& comparison) {
    std::size_t width = 7;
    for (const MeasureChange& change : comparison.changes) width = std::max(width, change.id.size());
    std::string text;
    for (const Verdict verdict : verdicts) {
        const auto changes = of_verdict(comparison, verdict);
        if (changes.empty()) continue;
        text += fmt::format("{}\n  {:<{}}  {:<26}  {:<26}  {:<32}  {:>8}  {:>8}  {}\n", name_of(verdict), "measure",
                            width, "BASE", "NEW", "difference", "p (Holm)", "finds", "test");
        for (const MeasureChange* change : changes) {
            text += fmt::format("  {:<{}}  {:<26}  {:<26}  {:<32}  {:>8}  {:>8}  {}\n", change->id, width,
                                value_text(change->base), value_text(change->fresh), difference_text(*change),
                                p_text(change->p_holm), detectable_text(*change), explained(*change));
        }
        text += "\n";
    }
    for (const std::string& note : comparison.notes) text += "note: " + note + "\n";
    return text + counts_text(comparison) + "\n" + rule_text() + "\n";
}

std::string comparison_markdown(const ResultsComparison& comparison) {
    std::string text = fmt::format("**{}**\n", counts_text(comparison));
    for (const std::string& note : comparison.notes) text += fmt::format("\n- {}\n", note);
    for (const Verdict verdict : verdicts) {
        const auto changes = of_verdict(comparison, verdict);
        if (changes.empty()) continue;
        const bool folded = verdict == Verdict::unchanged || verdict == Verdict::not_comparable;
        text += folded ? fmt::format("\n<details><summary>{} ({})</summary>\n", name_of(verdict), changes.size())
                       : fmt::format("\n### {} ({})\n", name_of(verdict), changes.size());
        text +=
            "\n| measure | BASE | NEW | difference | p (Holm) | finds | test |\n"
            "| --- | --- | --- | --- | --- | --- | --- |\n";
        for (const MeasureChange* change : changes) {
            text += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", escaped_markdown(change->id),
                                value_text(change->base), value_text(change->fresh), difference_text(*change),
                                p_text(change->p_holm), detectable_text(*change), escaped_markdown(explained(*change)));
        }
        if (folded) text += "\n</details>\n";
    }
    return text + "\n" + rule_text() + "\n";
}

std::string comparison_csv(const ResultsComparison& comparison) {
    std::string text =
        "id,kind,better,unit,verdict,base,base_low,base_high,new,new_low,new_high,difference,low,high,margin,p,p_holm,"
        "detectable,test,why\n";
    const auto cell = [](const std::optional<double>& value) {
        return value ? fmt::format("{}", *value) : std::string();
    };
    const auto interval = [](const std::optional<std::array<double, 2>>& ci) {
        return ci ? fmt::format("{},{}", (*ci)[0], (*ci)[1]) : std::string(",");
    };
    for (const MeasureChange& change : comparison.changes) {
        const Metric base = change.base.value_or(Metric{});
        const Metric fresh = change.fresh.value_or(Metric{});
        text +=
            fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_cell(change.id),
                        name_of(change.kind), name_of(change.better), csv_cell(change.unit), name_of(change.verdict),
                        cell(base.value), interval(base.ci95), cell(fresh.value), interval(fresh.ci95),
                        cell(change.difference), interval(change.ci95), cell(change.margin), cell(change.p),
                        cell(change.p_holm), cell(change.detectable), csv_cell(change.test), csv_cell(change.why));
    }
    return text;
}

std::string comparison_junit(const ResultsComparison& comparison) {
    std::string cases;
    for (const MeasureChange& change : comparison.changes) {
        const std::size_t slash = change.id.rfind('/');
        const bool grouped = slash != std::string::npos;
        cases += fmt::format("    <testcase classname=\"{}\" name=\"{}\"",
                             escaped_xml(grouped ? change.id.substr(0, slash) : comparison.title),
                             escaped_xml(grouped ? change.id.substr(slash + 1) : change.id));
        if (change.verdict == Verdict::regression) {
            cases +=
                fmt::format(">\n      <failure message=\"{}\"/>\n    </testcase>\n", escaped_xml(one_line(change)));
        } else if (change.verdict == Verdict::not_comparable) {
            cases += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", escaped_xml(change.why));
        } else {
            cases += "/>\n";
        }
    }
    const auto attributes =
        fmt::format("tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"", comparison.changes.size(),
                    comparison.count(Verdict::regression), comparison.count(Verdict::not_comparable));
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n"
        "</testsuites>\n",
        attributes, escaped_xml(comparison.title), attributes, cases);
}

}  // namespace braggbench
