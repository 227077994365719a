#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "bench/report/inspection.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

constexpr std::size_t worst_shown = 4;  // per label in the chart; the table has all

std::string auc_cell(const json& pair, bool with_name) {
    if (pair.is_null()) return "<td class=\"num\">n/a</td>";
    const Metric auc = metric(pair, "auc");
    std::string name;
    if (with_name) {
        name = fmt::format("<span class=\"sub\">{}{}</span>", escape(text(pair, "nuisance")),
                           text(pair, "shape") == "any" ? ", any shape" : "");
    }
    return fmt::format("<td class=\"num\">{}<span class=\"sub\">{}</span>{}</td>", format(auc.value),
                       format_interval(auc.ci95, NumberStyle::plain), name);
}

std::string verdict_table(const json& audit) {
    std::string rows;
    for (const json& label : member(audit, "labels")) {
        const std::string head = fmt::format("<th scope=\"row\">{}<span class=\"sub\">{}</span></th>",
                                             escape(text(label, "name")), escape(text(label, "kind")));
        const std::string counts =
            fmt::format("<td class=\"num\">{}</td><td class=\"num\">{}</td>", format_count(count(label, "images")),
                        member(label, "positives").is_null() ? "" : format_count(count(label, "positives")));
        if (const std::string why = text(label, "not_audited"); !why.empty()) {
            rows += fmt::format("<tr>{}{}<td colspan=\"4\">not audited: {}</td></tr>\n", head, counts, escape(why));
            continue;
        }
        rows += fmt::format("<tr{}>{}{}<td>{}</td>{}{}{}</tr>\n",
                            member(label, "leaks").get<bool>() ? " class=\"best\"" : "", head, counts,
                            member(label, "leaks").get<bool>() ? "<strong>predicted</strong>" : "not predicted",
                            auc_cell(member(label, "worst"), true), auc_cell(member(label, "together"), false),
                            auc_cell(member(label, "worst_drawn"), true));
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Verdict per label\"><table><caption>Verdict "
        "per label: its worst nuisance, all of them together, the worst of what was drawn</caption>\n<thead><tr><th "
        "scope=\"col\">Label</th><th scope=\"col\" class=\"num\">images</th><th scope=\"col\" class=\"num\">of "
        "them</th><th scope=\"col\">above {}</th><th scope=\"col\" class=\"num\">worst nuisance</th><th scope=\"col\" "
        "class=\"num\">together</th><th scope=\"col\" class=\"num\">drawn</th></tr></thead>\n<tbody>{}</tbody>"
        "</table></div>\n",
        format_setting(number(audit, "max_auc")), rows);
}

// A class and an attribute may have one name.
bool is_of(const json& pair, const json& label) {
    return text(pair, "label") == text(label, "name") && text(pair, "label_kind") == text(label, "kind");
}

bool name_is_unique(const json& audit, const json& label) {
    return std::ranges::count_if(member(audit, "labels"),
                                 [&](const json& other) { return text(other, "name") == text(label, "name"); }) == 1;
}

double lower_end(const json& pair) { return metric(pair, "auc").ci95.value_or(std::array{0.0, 0.0})[0]; }

std::string worst_chart(const json& audit) {
    DotChart chart;
    chart.caption = "The worst nuisances of each label";
    chart.label_header = "nuisance";
    chart.value_header = "ROC-AUC";
    chart.axis = linear_axis(0.5, 1.0);
    chart.reference = number(audit, "max_auc");
    chart.reference_label = "limit";
    for (const json& label : member(audit, "labels")) {
        const std::string heading = name_is_unique(audit, label)
                                        ? text(label, "name")
                                        : fmt::format("{} ({})", text(label, "name"), text(label, "kind"));
        std::vector<json> pairs;
        for (const json& pair : member(audit, "pairs")) {
            if (is_of(pair, label) && text(pair, "kind") != "drawn") pairs.push_back(pair);
        }
        std::stable_sort(pairs.begin(), pairs.end(),
                         [](const json& a, const json& b) { return lower_end(a) > lower_end(b); });
        pairs.resize(std::min(pairs.size(), worst_shown));
        for (const json& pair : pairs) {
            DotRow row;
            row.label = text(pair, "nuisance");
            row.note = text(pair, "shape") == "any" ? "any shape" : "";
            row.group = heading;
            row.style = member(pair, "exceeds").get<bool>() ? "lead" : "plain";
            row.metric = metric(pair, "auc");
            chart.rows.push_back(std::move(row));
        }
    }
    return chart.rows.empty() ? "" : dot_chart(chart);
}

// Every nuisance with every label; of two shapes the one with the higher lower end.
std::string pair_table(const json& audit) {
    std::vector<std::string> nuisances;
    std::map<std::array<std::string, 3>, json> best;  // by nuisance, label and its kind
    std::map<std::string, std::string> kinds;
    for (const json& pair : member(audit, "pairs")) {
        const std::string nuisance = text(pair, "nuisance");
        if (kinds.try_emplace(nuisance, text(pair, "kind")).second) nuisances.push_back(nuisance);
        json& held = best[{nuisance, text(pair, "label"), text(pair, "label_kind")}];
        if (held.is_null() || lower_end(pair) > lower_end(held)) held = pair;
    }
    std::stable_partition(nuisances.begin(), nuisances.end(),
                          [](const std::string& name) { return name == "all together"; });
    std::string header;
    for (const json& label : member(audit, "labels")) {
        header += fmt::format("<th scope=\"col\"><span>{}{}</span></th>", escape(text(label, "name")),
                              name_is_unique(audit, label) ? "" : escape(" (" + text(label, "kind") + ")"));
    }
    std::string rows;
    for (const std::string& nuisance : nuisances) {
        std::string cells;
        for (const json& label : member(audit, "labels")) {
            const auto found = best.find({nuisance, text(label, "name"), text(label, "kind")});
            if (found == best.end()) {
                cells += "<td class=\"none\">\u2013</td>";
                continue;
            }
            const double value = metric(found->second, "auc").value.value_or(0.5);
            const bool sure = number(found->second, "p_holm").value_or(1.0) <= 0.05;
            cells +=
                fmt::format("<td class=\"{}\" style=\"--share:{:.3f}\">{}{:.2f}{}</td>",
                            member(found->second, "exceeds").get<bool>() ? "against" : "with",
                            std::max(0.0, 2.0 * value - 1.0), sure ? "<strong>" : "", value, sure ? "</strong>" : "");
        }
        rows += fmt::format("<tr><th scope=\"row\">{}<span class=\"sub\">{}</span></th>{}</tr>\n", escape(nuisance),
                            escape(kinds[nuisance]), cells);
    }
    return fmt::format(
        "<h3>Every nuisance with every label</h3>\n<p class=\"note\">ROC-AUC of either shape, whichever is surer. Bold "
        "where "
        "Holm\u2019s p \u2264 0.05, in the warning colour where the interval lies above the limit; a dash where the "
        "label\u2019s own rule names the quantity, or the nuisance is the same in all its images.</p>\n<div "
        "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Every nuisance with every label\"><table "
        "class=\"matrix\">\n<thead><tr><td></td>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
        header, rows);
}

}  // namespace

std::string audit_section(const json& audit) {
    std::int64_t audited = 0;
    std::int64_t predicted = 0;
    for (const json& label : member(audit, "labels")) {
        audited += text(label, "not_audited").empty() ? 1 : 0;
        predicted += member(label, "leaks").get<bool>() ? 1 : 0;
    }
    std::string files;
    for (const json& corpus : member(audit, "corpora")) {
        files += fmt::format("{}<code>{}</code>", files.empty() ? "" : ", ", escape(corpus.get<std::string>()));
    }
    return fmt::format(
               "<section id=\"audit\">\n<h2>Shortcuts</h2>\n<p class=\"verdict\">{} of {} labels can be told from one "
               "nuisance, or all together, with an AUC whose 95\u202f% interval lies above {}.</p>\n<p>{} images of "
               "{}{}. A nuisance is a number that has nothing to do with what a label means, unless physics ties them: "
               "a class of brighter beams is brighter. <i>Any shape</i> learns on half the images which values go with "
               "the label and is scored on the rest; <i>together</i> is a logistic regression learned on the train "
               "split and scored on the test split. What the recipe drew is listed apart and never counts.</p>\n",
               predicted, audited, format_setting(number(audit, "max_auc")), format_count(count(audit, "images")),
               files,
               member(audit, "groups").is_null()
                   ? ""
                   : fmt::format(", resting on {} groups", format_count(count(audit, "groups")))) +
           verdict_table(audit) + worst_chart(audit) + pair_table(audit) + "</section>\n";
}

}  // namespace braggbench::report
