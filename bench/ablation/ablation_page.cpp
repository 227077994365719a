#include "bench/ablation/ablation_page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "bench/ablation/ablation_words.hpp"
#include "bench/ablation/interaction_chart.hpp"
#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "bench/report/svg_charts.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using nlohmann::json;
using report::escape;
using report::format;

// Value and the interval over seeds and images; over images alone where there is a single seed.
Metric metric_of(const json& estimate) {
    Metric metric{report::number(estimate, "value"), std::nullopt, std::nullopt};
    for (const char* interval : {"over_images", "over_seeds", "ci95"}) {
        if (const auto& ci = report::member(estimate, interval); ci.is_array()) {
            metric.ci95 = {ci[0].get<double>(), ci[1].get<double>()};
        }
    }
    return metric;
}

std::string signed_words(double value) { return fmt::format("{}{}", value > 0.0 ? "+" : "", format(value)); }

// A value with its interval below it.
std::string valued(const Metric& metric, report::NumberStyle style = report::NumberStyle::plain) {
    return fmt::format("{}<span class=\"sub\">{}</span>", format(metric.value, style),
                       report::format_interval(metric.ci95, style));
}

// Of a question the marginal or effect of an axis' value; null if there is none.
const json* estimate_at(const json& question, const char* list, const std::string& axis, const std::string& value) {
    for (const auto& entry : question.at(list)) {
        if (entry.at("axis") == axis && entry.at("value") == value) return &entry;
    }
    return nullptr;
}

std::string question_name(const json& question) {
    return fmt::format("{} ({})", question.at("name").get<std::string>(),
                       measure_words(question.at("measure").get<std::string>()));
}

std::string scrolled(const std::string& label, const std::string& table) {
    return fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div>\n",
                       escape(label), table);
}

std::string table(const std::string& caption, const std::vector<std::string>& header, const std::string& rows) {
    std::string cells;
    for (std::size_t i = 0; i < header.size(); ++i) {
        cells += fmt::format("<th scope=\"col\"{}>{}</th>", i == 0 ? "" : " class=\"num\"", header[i]);
    }
    return scrolled(caption, fmt::format("<table class=\"scores\"><caption>{}</caption>\n<thead><tr>{}</tr></thead>\n"
                                         "<tbody>{}</tbody></table>",
                                         escape(caption), cells, rows));
}

std::string row(const std::string& head, const std::vector<std::string>& cells) {
    std::string text = fmt::format("<tr><th scope=\"row\">{}</th>", escape(head));
    for (const auto& cell : cells) text += fmt::format("<td class=\"num\">{}</td>", cell);
    return text + "</tr>\n";
}

// Whether a difference is one, all of the axis' taken together.
bool is_clear(const json& effect) { return effect.contains("p_holm") && effect.at("p_holm").get<double>() <= 0.05; }

// What an axis does to each question: one sentence.
std::string sentence(const json& result, const json& question, const std::string& axis) {
    const json* best = nullptr;
    for (const auto& marginal : question.at("marginals")) {
        if (marginal.at("axis") != axis || !report::number(marginal.at("estimate"), "value")) continue;
        if (best == nullptr || marginal.at("estimate").at("value") > best->at("estimate").at("value")) best = &marginal;
    }
    if (best == nullptr) return "";
    const auto value = best->at("value").get<std::string>();
    const auto first = axis_values(result, axis).front().get<std::string>();
    std::string text = fmt::format("<strong>{}</strong>: highest with {}, {} (chance {})",
                                   escape(question_name(question)), escape(value_words(result, axis, value)),
                                   escape(format(report::number(best->at("estimate"), "value"))),
                                   format(report::number(question, "chance")));
    if (const json* effect = estimate_at(question, "effects", axis, value)) {
        const Metric difference = metric_of(effect->at("estimate"));
        text += fmt::format("; {} to {} ({}), {}", signed_words(difference.value.value_or(0.0)),
                            escape(value_words(result, axis, first)),
                            report::format_interval(difference.ci95, report::NumberStyle::plain),
                            is_clear(*effect) ? "a clear difference" : "no clear difference");
    }
    return text + ".";
}

std::string answer_table(const json& result, const std::vector<json>& questions, const std::string& axis) {
    std::vector<std::string> header = {escape(axis_words(axis))};
    for (const auto& question : questions) {
        header.push_back(fmt::format("{}<span class=\"sub\">chance {}</span>", escape(question_name(question)),
                                     format(report::number(question, "chance"))));
    }
    std::string rows;
    for (const auto& value : axis_values(result, axis)) {
        std::vector<std::string> cells;
        for (const auto& question : questions) {
            const json* marginal = estimate_at(question, "marginals", axis, value);
            if (marginal == nullptr) {
                cells.emplace_back("not asked");
                continue;
            }
            std::string cell = valued(metric_of(marginal->at("estimate")));
            if (const json* effect = estimate_at(question, "effects", axis, value)) {
                cell += fmt::format("<span class=\"sub\">{}{}</span>",
                                    signed_words(report::number(effect->at("estimate"), "value").value_or(0.0)),
                                    is_clear(*effect) ? ", clear" : "");
            }
            cells.push_back(cell);
        }
        rows += row(value_words(result, axis, value), cells);
    }
    return table(fmt::format("Mean over everything else, its interval, and the difference to the first row, by {}",
                             axis_words(axis)),
                 header, rows);
}

std::string answers_section(const json& result, const std::vector<json>& questions) {
    std::string html = "<section id=\"answers\">\n<h2>What the axes do</h2>\n";
    const auto axes = compared_axes(result);
    if (axes.empty()) html += "<p class=\"absent\">Only seeds vary: there is nothing to be compared.</p>\n";
    for (const auto& axis : axes) {
        html += fmt::format("<h3>{}</h3>\n<ul>", escape(report::capitalised(axis_words(axis))));
        for (const auto& question : questions) {
            const auto text = sentence(result, question, axis);
            if (!text.empty()) html += fmt::format("<li>{}</li>\n", text);
        }
        html += "</ul>\n" + answer_table(result, questions, axis);
    }
    return html +
           "<p class=\"note\">Intervals are 95\u202f%: over seeds (Student\u2019s t, differences paired by seed and by "
           "all other axes) and over the test images (bootstrap, the same resamples everywhere), their variances "
           "added. "
           "<em>Clear</em>: Holm-corrected p of at most 0.05 over all differences of the axis. The test images and the "
           "simulator are one draw; other crystals and detectors are not in the intervals.</p>\n</section>\n";
}

report::Axis axis_around(const std::vector<report::DotRow>& rows, double reference) {
    double low = reference;
    double high = reference;
    for (const auto& one : rows) {
        if (!one.metric.value) continue;
        low = std::min({low, *one.metric.value, one.metric.ci95 ? (*one.metric.ci95)[0] : *one.metric.value});
        high = std::max({high, *one.metric.value, one.metric.ci95 ? (*one.metric.ci95)[1] : *one.metric.value});
    }
    return report::linear_axis(low, high);
}

std::string effects_section(const json& result, const std::vector<json>& questions) {
    std::string html = "<section id=\"effects\">\n<h2>Differences</h2>\n";
    for (const auto& axis : compared_axes(result)) {
        const auto first = axis_values(result, axis).front().get<std::string>();
        report::DotChart chart;
        chart.caption = fmt::format("{}: score less that of {}", report::capitalised(axis_words(axis)),
                                    value_words(result, axis, first));
        chart.label_header = axis_words(axis);
        chart.value_header = "difference";
        chart.reference = 0.0;
        chart.reference_label = "no difference";
        for (const auto& question : questions) {
            for (const auto& effect : question.at("effects")) {
                if (effect.at("axis") != axis) continue;
                chart.rows.push_back({value_words(result, axis, effect.at("value")), "", question_name(question),
                                      is_clear(effect) ? "lead" : "plain", metric_of(effect.at("estimate")),
                                      std::nullopt});
            }
        }
        if (chart.rows.empty()) continue;
        chart.axis = axis_around(chart.rows, 0.0);
        html += report::dot_chart(chart);
    }
    return html + "</section>\n";
}

// A chart for each question; training sizes always lie along x.
std::string charts_of_pair(const json& result, const std::vector<json>& questions, const std::string& along,
                           const std::string& lines) {
    const bool turned =
        lines == "training_size" || (along != "training_size" && axis_values(result, along).size() > 4 &&
                                     axis_values(result, lines).size() < axis_values(result, along).size());
    std::string html;
    for (const auto& question : questions) {
        for (const auto& pair : question.at("interactions")) {
            if (pair.at("axes")[0] != along || pair.at("axes")[1] != lines) continue;
            const std::size_t x_at = turned ? 1 : 0;
            const std::size_t line_at = 1 - x_at;
            const auto x_axis = pair.at("axes")[x_at].get<std::string>();
            const auto line_axis = pair.at("axes")[line_at].get<std::string>();
            report::InteractionChart chart;
            chart.title = question_name(question);
            chart.x_label = axis_words(x_axis);
            chart.reference = report::number(question, "chance");
            chart.reference_label = "chance";
            const auto& places = axis_values(result, x_axis);
            for (const auto& place : places) chart.places.push_back(value_words(result, x_axis, place));
            for (const auto& line : axis_values(result, line_axis)) {
                report::InteractionLine drawn{value_words(result, line_axis, line), {}};
                for (const auto& place : places) {
                    Metric metric;
                    for (const auto& mean : pair.at("means")) {
                        if (mean.at("values")[x_at] == place && mean.at("values")[line_at] == line) {
                            metric = metric_of(mean.at("estimate"));
                        }
                    }
                    drawn.values.push_back(metric);
                }
                chart.lines.push_back(std::move(drawn));
            }
            chart.description =
                fmt::format("{} by {}, a line for each {}", chart.title, chart.x_label, axis_words(line_axis));
            html += report::interaction_chart(chart);
        }
    }
    return html;
}

std::string interactions_section(const json& result, const std::vector<json>& questions) {
    const auto axes = compared_axes(result);
    if (axes.size() < 2) return "";
    std::string html =
        "<section id=\"interactions\">\n<h2>One axis over another</h2>\n<p>Lines that are not parallel "
        "say that the one axis changes what the other does.</p>\n";
    for (std::size_t a = 0; a < axes.size(); ++a) {
        for (std::size_t b = a + 1; b < axes.size(); ++b) {
            const auto charts = charts_of_pair(result, questions, axes[a], axes[b]);
            if (charts.empty()) continue;
            const bool learning = axes[a] == "training_size" || axes[b] == "training_size";
            const auto other = axes[a] == "training_size" ? axes[b] : axes[a];
            html += fmt::format("<h3>{}</h3>\n<div class=\"columns\">\n{}</div>\n",
                                learning ? fmt::format("Learning curves, by {}", escape(axis_words(other)))
                                         : fmt::format("{} and {}", escape(report::capitalised(axis_words(axes[a]))),
                                                       escape(axis_words(axes[b]))),
                                charts);
        }
    }
    return html + "</section>\n";
}

std::string costs_section(const json& result) {
    std::string rows;
    for (const auto& cost : result.at("costs")) {
        rows += row(setting_words(result, cost.at("settings")),
                    {fmt::format("{:.1f}", cost.at("learn_s").get<double>()),
                     fmt::format("{:.1f}", cost.at("learn_cpu_s").get<double>()),
                     fmt::format("{:.1f}", cost.at("learn_multiply_adds").get<double>() / 1e9),
                     fmt::format("{}", cost.at("squares_per_image").get<int>()),
                     fmt::format("{:.2f}", cost.at("answer_multiply_adds").get<double>() / 1e6),
                     fmt::format("{:.2f}", cost.at("answer_s").get<double>())});
    }
    return "<section id=\"costs\">\n<h2>What it costs</h2>\n<p>Learning costs the same whatever the view: every epoch "
           "shows one square of each image (of tiles one in turn, of random crops a fresh one). Answering takes every "
           "tile. Multiply-adds are those of forward passes; learning takes about three times as many.</p>\n" +
           table("Mean over seeds",
                 {"Cell", "learning, s", "CPU s", "GMAC forward", "squares an image", "MMAC to answer one",
                  "all test images, s"},
                 rows) +
           "</section>\n";
}

std::string localisation_section(const json& result, const std::vector<json>& questions) {
    const auto& localisation = result.at("localisation");
    if (localisation.empty()) return "";
    std::string rows;
    std::vector<std::string> header = {"Cell", "median sLift<span class=\"sub\">chance 1.00</span>",
                                       "the same, untrained", "sAUC<span class=\"sub\">chance 0.500</span>"};
    for (const auto& question : questions) header.push_back(escape(question_name(question)));
    for (const auto& one : localisation) {
        if (one.at("kind") != "attribution") continue;
        std::vector<std::string> cells;
        cells.push_back(valued(metric_of(one.at("slift"))));
        std::string untrained = "n/a";
        for (const auto& other : localisation) {
            if (other.at("kind") == "untrained" && other.at("settings") == one.at("settings") &&
                other.at("stage") == one.at("stage") && other.at("map") == one.at("map")) {
                untrained = format(report::number(other.at("slift"), "value"));
            }
        }
        cells.push_back(untrained);
        cells.push_back(valued(metric_of(one.at("sauc"))));
        for (const auto& question : questions) {
            double sum = 0.0;
            double count = 0.0;
            for (const auto& cell : question.at("cells")) {
                auto settings = cell.at("settings");
                settings.erase("seed");
                const auto value = report::number(cell.at("score"), "value");
                if (settings != one.at("settings") || !value) continue;
                sum += *value;
                count += 1.0;
            }
            cells.push_back(count > 0.0 ? format(sum / count) : "n/a");
        }
        const auto words = setting_words(result, one.at("settings"));
        rows += row(fmt::format("{}{}{}", words, words.empty() ? "" : ", ", one.at("stage").get<std::string>()), cells);
    }
    const auto& first = localisation.front();
    return fmt::format(
               "<section id=\"localisation\">\n<h2>Where it looks, beside what it says</h2>\n<p>Maps {} of {} against "
               "the true places ({}), {} images of the test split in each cell; intervals over seeds. Maps of random "
               "crops and tiles are made on the image\u2019s middle. Peaks differ in size from view to view, so that "
               "sLift is to be read beside the untrained network\u2019s (docs/localisation.md).</p>\n",
               escape(first.at("map").get<std::string>()), escape(first.at("explained").get<std::string>()),
               escape(first.at("truth").get<std::string>()), first.at("images").get<int>()) +
           table("Localisation beside the scores, mean over seeds", header, rows) + "</section>\n";
}

// The first cell of each view says what it shows; other axes do not matter but the native size.
std::string support_section(const json& result) {
    std::string rows;
    std::set<std::string> known;
    for (const auto& cell : result.at("cells")) {
        const auto native = cell.at("settings").at("native_px").get<std::string>();
        const auto name =
            cell.at("view").get<std::string>() + (native == "0" ? "" : fmt::format(", native {} px", native));
        for (const auto& support : cell.at("support")) {
            const auto label = support.at("label").get<std::string>();
            if (!known.insert(name + label).second) continue;
            const auto visible = support.at("visible_in_image").get<std::int64_t>();
            rows += row(name + ": " + label,
                        {fmt::format("{}", support.at("true").get<std::int64_t>()), fmt::format("{}", visible),
                         valued(proportion(support.at("visible_in_view").get<std::int64_t>(), visible, std::nullopt),
                                report::NumberStyle::percent)});
        }
    }
    if (rows.empty()) return "";
    return "<section id=\"support\">\n<h2>What the views still show</h2>\n<p>Test images for which a label is true; of "
           "those with a visible peak that it is about (docs/ablation.md), how many still have one in the view, or in "
           "any "
           "tile.</p>\n" +
           table("Labels and their visible peaks",
                 {"View and label", "true", "visible in the image", "still in the view"}, rows) +
           "</section>\n";
}

std::string held_section(const json& result) {
    std::string rows;
    for (const auto& held : result.at("held")) {
        std::vector<std::string> follows;
        for (const auto& axis : held.at("follows")) {
            if (axis_values(result, axis.get<std::string>()).size() > 1) follows.push_back(axis_words(axis));
        }
        std::set<std::string> values;
        for (const auto& value : held.at("values")) values.insert(value.at("value").dump());
        const bool is_hash = held.at("values").front().at("value").is_string();
        rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
                            escape(held.at("words").get<std::string>()),
                            values.size() == 1 ? "the same in all cells"
                                               : escape(fmt::format("the same but for {}", fmt::join(follows, ", "))),
                            values.size() == 1 && !is_hash && !held.at("values").front().at("value").is_object()
                                ? escape(*values.begin())
                                : fmt::format("{} kind{}", values.size(), values.size() == 1 ? "" : "s"));
    }
    return "<section id=\"held\">\n<h2>What was held equal</h2>\n<p>Checked cell against cell when this page was made; "
           "a "
           "difference that no axis accounts for is an error.</p>\n" +
           scrolled(
               "What was held equal",
               fmt::format("<table class=\"narrow\"><caption>Checked quantities</caption><thead><tr><th "
                           "scope=\"col\">Quantity</th><th scope=\"col\">Found</th><th scope=\"col\">Value</th></tr>"
                           "</thead><tbody>{}</tbody></table>",
                           rows)) +
           "</section>\n";
}

std::string cells_table(const json& result, const std::vector<json>& questions) {
    std::vector<std::string> header = {"Cell", "seed"};
    for (const auto& question : questions) header.push_back(escape(question_name(question)));
    header.emplace_back("best epoch");
    std::string rows;
    for (const auto& cell : result.at("cells")) {
        std::vector<std::string> cells = {escape(cell.at("settings").at("seed").get<std::string>())};
        for (const auto& question : questions) {
            std::string words = "not asked";
            for (const auto& scored : question.at("cells")) {
                if (scored.at("settings") != cell.at("settings")) continue;
                words = valued(report::metric(scored, "score"));
            }
            cells.push_back(words);
        }
        cells.push_back(fmt::format("{}", cell.at("best_epoch").get<int>()));
        rows += row(setting_words(result, cell.at("settings")), cells);
    }
    return "<details><summary>Every cell, with intervals over the test images</summary>\n" +
           table("Scores of every cell", header, rows) + "</details>\n";
}

std::string repeat_section(const json& result, const std::vector<json>& questions, const std::string& command) {
    std::set<std::string> programs;
    for (const auto& cell : result.at("cells")) {
        programs.insert(fmt::format("{} ({})", cell.at("provenance").at("version").get<std::string>(),
                                    cell.at("provenance").at("git_commit").get<std::string>()));
    }
    return fmt::format(
        "<section id=\"repeat\">\n<h2>How to repeat it</h2>\n<pre tabindex=\"0\" aria-label=\"Command\"><code>{}"
        "</code></pre>\n<p>Cells were run by braggbench {}; this page was made by {} "
        "({}).</p>\n{}<details><summary>The "
        "grid</summary><pre tabindex=\"0\" aria-label=\"The grid\"><code>{}</code></pre></details>\n</section>\n",
        escape(command), escape(fmt::format("{}", fmt::join(programs, ", "))),
        escape(result.at("provenance").at("version").get<std::string>()),
        escape(result.at("provenance").at("git_commit").get<std::string>()), cells_table(result, questions),
        escape(result.at("grid").at("toml").get<std::string>()));
}

std::string intro(const json& result) {
    std::vector<std::string> axes;
    for (const auto& axis : result.at("axes")) {
        if (axis.at("values").size() > 1) {
            axes.push_back(fmt::format("{} ({})", axis_words(axis.at("name")), axis.at("values").size()));
        }
    }
    return fmt::format(
        "<p class=\"verdict\">{}.</p>\n<p>{} cells: every combination of {}. Everything else is the same in all of "
        "them, "
        "and each answers the same {} test images.</p>\n<nav aria-label=\"Contents\"><a href=\"#answers\">Answers</a> "
        "<a "
        "href=\"#effects\">Differences</a> <a href=\"#costs\">Costs</a> <a href=\"#held\">Held equal</a> <a "
        "href=\"#repeat\">Repeat it</a></nav>\n",
        escape(report::capitalised(result.at("grid").at("description").get<std::string>())), result.at("cells").size(),
        escape(fmt::format("{}", fmt::join(axes, ", "))), result.at("test_images").get<int>());
}

}  // namespace

std::string ablation_html(const json& result, const std::string& command) {
    try {
        const auto name = result.at("grid").at("name").get<std::string>();
        const auto questions = primary_questions(result);
        return report::page_head("BraggBench ablation: " + name) +
               fmt::format(
                   "<body>\n<header>\n<p class=\"kicker\">BraggBench ablation</p>\n<h1>{}</h1>\n{}</header>\n"
                   "<main>\n",
                   escape(name), intro(result)) +
               answers_section(result, questions) + effects_section(result, questions) +
               interactions_section(result, questions) + costs_section(result) +
               localisation_section(result, questions) + support_section(result) + held_section(result) +
               repeat_section(result, questions, command) + "</main>\n</body>\n</html>\n";
    } catch (const json::exception& error) {
        throw DataError(fmt::format("the result cannot be put on a page ({}). Run the grid again with this version.",
                                    error.what()));
    }
}

}  // namespace braggbench
