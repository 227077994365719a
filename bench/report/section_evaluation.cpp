#include <fmt/format.h>

#include <algorithm>

#include "bench/report/evaluation_charts.hpp"
#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

constexpr NumberStyle percent = NumberStyle::percent;
constexpr NumberStyle plain = NumberStyle::plain;

std::string score_row(std::string_view name, const Metric& shown, NumberStyle style) {
    return fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td "
        "class=\"num\">{}</td></tr>\n",
        name, format(shown.value, style), shown.ci95 ? format_interval(shown.ci95, style) : "n/a",
        format(shown.chance, style));
}

std::string score_table(std::string_view caption, const std::string& rows) {
    return fmt::format(
        "<table class=\"narrow\"><caption>{}</caption><thead><tr><th scope=\"col\">Measure</th><th scope=\"col\" "
        "class=\"num\">value</th><th scope=\"col\" class=\"num\">95\u202f% interval</th><th scope=\"col\" "
        "class=\"num\">chance</th></tr></thead><tbody>{}</tbody></table>\n",
        caption, rows);
}

std::string baseline_chart(const json& task, std::string_view score, std::string_view caption) {
    DotChart chart;
    chart.caption = caption;
    chart.label_header = "Who answers";
    chart.value_header = score == "accuracy" ? "accuracy" : "balanced";
    chart.style = percent;
    chart.axis = linear_axis(0.0, 1.0);
    chart.rows.push_back({"This network", "sees the image", "", "lead", metric(task, score), std::nullopt});
    for (const Baseline& baseline : baselines(task, score)) {
        chart.rows.push_back({capitalised(baseline_name(baseline.key)), baseline_description(baseline.key), "", "plain",
                              baseline.score, std::nullopt});
    }
    if (const auto best = best_baseline(task, score)) {
        chart.reference = best->score.value;
        chart.reference_label = "best trivial baseline";
    }
    return dot_chart(chart);
}

std::string confusion_row(const json& described, const json& row) {
    std::int64_t support = 0;
    for (const json& cell : row) support += cell.get<std::int64_t>();
    std::string cells;
    for (const json& cell : row) {
        const auto n = cell.get<std::int64_t>();
        const double share = support > 0 ? static_cast<double>(n) / static_cast<double>(support) : 0.0;
        cells += n == 0
                     ? std::string("<td class=\"cell none\">0</td>")
                     : fmt::format("<td class=\"cell\" style=\"--share:{:.3f}\">{}<span class=\"sub\">{}</span></td>",
                                   share, format_count(n), format(share, percent));
    }
    return fmt::format("<tr><th scope=\"row\">{}</th>{}<td class=\"num total\">{}</td>{}</tr>\n",
                       escape(text(described, "name")), cells, format_count(support),
                       metric_cell(metric(described, "recall"), percent, true));
}

std::string confusion_table(const json& evaluation) {
    const json& classes = member(evaluation, "classes");
    const json& confusion = member(evaluation, "confusion");
    std::string header;
    std::string rows;
    std::string precision;
    for (std::size_t i = 0; i < classes.size(); ++i) {
        header += fmt::format("<th scope=\"col\" class=\"num\">{}</th>", escape(text(classes.at(i), "name")));
        rows += confusion_row(classes.at(i), confusion.at(i));
        precision += metric_cell(metric(classes.at(i), "precision"), percent, true);
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Confusion matrix\"><table "
        "class=\"confusion\"><caption>Confusion matrix, shaded by share of the true class</caption>\n"
        "<thead><tr><th scope=\"col\">true \u2193 \u2003 said \u2192</th>{}<th scope=\"col\" "
        "class=\"num\">images</th><th scope=\"col\" class=\"num\">recall</th></tr></thead>\n<tbody>{}</tbody>\n"
        "<tfoot><tr><th scope=\"row\">precision</th>{}<td></td><td></td></tr></tfoot></table></div>\n",
        header, rows, precision);
}

std::string hit_part(const json& hit) {
    if (hit.is_null()) return "";
    std::string rows = score_row("Accuracy", metric(hit, "accuracy"), percent) +
                       score_row("Balanced accuracy", metric(hit, "balanced_accuracy"), percent) +
                       score_row("Hits found", metric(hit, "recall"), percent) +
                       score_row("Said to be hits that are", metric(hit, "precision"), percent) +
                       score_row("Area under the ROC curve", metric(hit, "roc_auc"), plain);
    for (const json& rate : member(hit, "at_false_positive_rates")) {
        rows += score_row(fmt::format("Hits found with at most {:g}\u202f% of misses called hits",
                                      100.0 * number(rate, "highest_false_positive_rate").value_or(0.0)),
                          metric(rate, "true_positive_rate"), percent);
    }
    return "<h3>Hit or miss</h3>\n<div class=\"columns\">\n<div>" + score_table("Hit or miss", rows) + "</div>\n" +
           roc_chart(hit) + "</div>\n";
}

std::string class_part(const json& task) {
    const json& calibration = member(task, "calibration");
    std::string part =
        score_table("On the whole split",
                    score_row("Accuracy", metric(task, "accuracy"), percent) +
                        score_row("Balanced accuracy", metric(task, "balanced_accuracy"), percent) +
                        score_row("Macro F1", metric(task, "macro_f1"), percent) +
                        score_row("Matthews correlation", metric(task, "mcc"), plain) +
                        score_row("Mean area under the ROC curves", metric(task, "mean_roc_auc"), plain) +
                        score_row("Calibration error", metric(calibration, "expected_calibration_error"), percent));
    part += baseline_chart(task, "accuracy", "Accuracy of the network beside every chance level, on the same images");
    part += confusion_table(task) + hit_part(member(task, "hit"));
    return part + "<div class=\"columns\">\n" + reliability_chart(calibration, "Classes") + "</div>\n";
}

// A name with the best that needs no network below it.
std::string beside_best(const json& label, std::string_view score, NumberStyle style) {
    const Metric shown = metric(label, score);
    const auto best = best_baseline(label, score);
    const std::string interval = shown.ci95 ? format_interval(shown.ci95, style) : "no interval";
    return fmt::format(
        "<td class=\"num\">{}<span class=\"sub\">{}</span></td><td class=\"num\">{}<span class=\"sub\">{}</span></td>",
        format(shown.value, style), interval, format(best ? best->score.value : std::nullopt, style),
        best ? escape(baseline_name(best->key)) : "");
}

std::string label_table(const json& task) {
    std::string rows;
    for (const json& label : member(task, "labels")) {
        rows += fmt::format(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}<span class=\"sub\">{} unknown</span></td><td "
            "class=\"num\">{}</td>{}{}{}{}{}</tr>\n",
            escape(text(label, "name")), format_count(count(label, "images")), format_count(count(label, "unknown")),
            format(metric(label, "prevalence").value, percent), beside_best(label, "balanced_accuracy", percent),
            beside_best(label, "roc_auc", plain), metric_cell(metric(label, "recall"), percent, true),
            metric_cell(metric(label, "precision"), percent, true), metric_cell(metric(label, "mcc"), plain, false));
    }
    std::string header;
    for (const char* name : {"images", "true", "balanced accuracy", "best trivial baseline", "area under ROC",
                             "best trivial baseline", "recall", "precision", "MCC"}) {
        header += fmt::format("<th scope=\"col\" class=\"num\">{}</th>", name);
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Labels\"><table "
        "class=\"scores\"><caption>Each label by itself</caption><thead><tr><th scope=\"col\">Label</th>{}</tr></thead>"
        "<tbody>{}</tbody></table></div>\n",
        header, rows);
}

std::string label_part(const json& task) {
    std::string part = label_table(task);
    part += score_table("All labels together",
                        score_row("Mean average precision", metric(task, "mean_average_precision"), percent) +
                            score_row("All labels of an image right", metric(task, "exact_match"), percent));
    std::string charts;
    for (const json& label : member(task, "labels")) {
        charts += baseline_chart(label, "balanced_accuracy",
                                 fmt::format("Balanced accuracy of {} beside every chance level", text(label, "name")));
        charts += "<div class=\"columns\">\n" + reliability_chart(member(label, "calibration"), text(label, "name")) +
                  "</div>\n";
    }
    return part + "<details><summary>Chance levels and calibration of each label</summary>\n" + charts + "</details>\n";
}

std::string value_part(const json& task) {
    std::string rows;
    for (const json& value : member(task, "values")) {
        rows += fmt::format(
            "<tr><th scope=\"row\">{}<span class=\"sub\">{}</span></th><td class=\"num\">{}</td>{}{}{}<td "
            "class=\"num\">{}</td></tr>\n",
            escape(text(value, "name")), escape(text(value, "units")), format_count(count(value, "images")),
            metric_cell(metric(value, "mean_absolute_error"), plain, true),
            metric_cell(metric(value, "root_mean_square"), plain, true),
            metric_cell(metric(value, "r_squared"), plain, false),
            format(metric(member(member(value, "chance_levels"), "radial_profile"), "mean_absolute_error").value));
    }
    std::string header;
    for (const char* name :
         {"images", "mean absolute error", "root mean square", "R\u00b2", "mean absolute error by radial profile"}) {
        header += fmt::format("<th scope=\"col\" class=\"num\">{}</th>", name);
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Values\"><table "
        "class=\"scores\"><caption>Each number by itself; chance is always saying the train split\u2019s median or "
        "mean</caption><thead><tr><th scope=\"col\">Value</th>{}</tr></thead><tbody>{}</tbody></table></div>\n",
        header, rows);
}

std::string comparison_table(const json& evaluation) {
    std::string rows;
    for (const json& comparison : member(evaluation, "comparisons")) {
        const std::string question = text(comparison, "output", text(comparison, "head"));
        for (const json& pair : member(comparison, "pairs")) {
            rows += fmt::format(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td class=\"num\">{}</td><td "
                "class=\"num\">{}</td>{}<td class=\"num\">{:.2g}</td></tr>\n",
                escape(question), escape(text(pair, "first")), escape(text(pair, "second")),
                format_count(count(pair, "only_first_right")), format_count(count(pair, "only_second_right")),
                metric_cell(metric(pair, "accuracy_difference"), percent, false), number(pair, "p_holm").value_or(1.0));
        }
    }
    if (rows.empty()) return "";
    return "<h3>Models compared on the same images</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
           "aria-label=\"Comparisons\"><table class=\"scores\"><caption>Exact McNemar tests, corrected by Holm for the "
           "number of pairs</caption><thead><tr><th scope=\"col\">Question</th><th scope=\"col\">first</th><th "
           "scope=\"col\">second</th><th scope=\"col\" class=\"num\">only first right</th><th scope=\"col\" "
           "class=\"num\">only second right</th><th scope=\"col\" class=\"num\">accuracy, first less second</th><th "
           "scope=\"col\" class=\"num\">p</th></tr></thead><tbody>" +
           rows + "</tbody></table></div>\n";
}

}  // namespace

std::string evaluation_section(const ReportInput& input) {
    std::string section = "<section id=\"measured\">\n<h2>3. How often it is right</h2>\n";
    if (!input.evaluation) return section + absent("The evaluation is", "braggbench evaluate --json") + "</section>\n";
    const json& evaluation = *input.evaluation;
    section += fmt::format(
        "<p>{} images of the {} split, none of which was used in training. Below every value stands its 95\u202f% "
        "interval; \u201cn/a\u201d is a value that is not defined, such as the precision of a class that is never "
        "named.</p>\n",
        format_count(count(evaluation, "images")), escape(text(evaluation, "split", "test")));
    if (tasks(evaluation).empty()) section += "<p class=\"absent\">The evaluation has no tasks.</p>\n";
    for (const json& task : tasks(evaluation)) {
        const std::string kind = text(task, "kind");
        if (tasks(evaluation).size() > 1) {
            section += fmt::format("<h3>{}</h3>\n", escape(capitalised(text(task, "head"))));
        }
        section += kind == "one_of_n" ? class_part(task) : kind == "multi_label" ? label_part(task) : value_part(task);
        section += strength_charts(member(task, "curves"));
    }
    section += comparison_table(evaluation);
    return section + "</section>\n";
}

}  // namespace braggbench::report
