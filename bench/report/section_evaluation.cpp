#include <fmt/format.h>

#include <algorithm>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

constexpr NumberStyle percent = NumberStyle::percent;

std::string summary_table(const json& evaluation) {
    const auto row = [&](std::string_view name, std::string_view key, NumberStyle style) {
        const Metric shown = metric(evaluation, key);
        return fmt::format(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td "
            "class=\"num\">{}</td></tr>\n",
            name, format(shown.value, style), shown.ci95 ? format_interval(shown.ci95, style) : "n/a",
            format(shown.chance, style));
    };
    return "<table class=\"narrow\"><caption>On the whole split</caption><thead><tr><th scope=\"col\">Measure</th><th "
           "scope=\"col\" class=\"num\">value</th><th scope=\"col\" class=\"num\">95\u202f% interval</th><th "
           "scope=\"col\" class=\"num\">chance</th></tr></thead><tbody>" +
           row("Accuracy", "accuracy", percent) + row("Balanced accuracy", "balanced_accuracy", percent) +
           row("Matthews correlation", "mcc", NumberStyle::plain) + "</tbody></table>\n";
}

std::string baseline_chart(const json& evaluation) {
    DotChart chart;
    chart.caption = "Accuracy of the network beside every chance level, on the same images";
    chart.label_header = "Who answers";
    chart.value_header = "accuracy";
    chart.style = percent;
    chart.axis = linear_axis(0.0, 1.0);
    chart.rows.push_back({"This network", "sees the image", "", "lead", metric(evaluation, "accuracy"), std::nullopt});
    for (const Baseline& baseline : baselines(evaluation)) {
        chart.rows.push_back({capitalised(baseline_name(baseline.key)), baseline_description(baseline.key), "", "plain",
                              baseline.accuracy, std::nullopt});
    }
    if (const auto best = best_baseline(evaluation)) {
        chart.reference = best->accuracy.value;
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
    section += summary_table(evaluation) + baseline_chart(evaluation) + confusion_table(evaluation);
    return section + "</section>\n";
}

}  // namespace braggbench::report
