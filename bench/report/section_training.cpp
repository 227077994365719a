#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

Curve curve(const json& epochs, std::string_view key, std::string name, std::string style) {
    Curve result{std::move(name), std::move(style), {}, {}};
    for (const json& epoch : epochs) {
        const Metric point = metric(epoch, key);
        result.values.push_back(point.value);
        result.intervals.push_back(point.ci95);
    }
    return result;
}

std::string first_and_last(const Curve& shown, NumberStyle style) {
    if (shown.values.empty()) return "";
    return fmt::format("{} from {} to {}", shown.name, format(shown.values.front(), style),
                       format(shown.values.back(), style));
}

LineChart epoch_chart(const json& training, std::string title, NumberStyle style, std::vector<Curve> curves) {
    LineChart chart;
    chart.title = std::move(title);
    chart.x_label = "epoch";
    for (const json& epoch : member(training, "epochs")) chart.x.push_back(number(epoch, "epoch").value_or(0));
    chart.y_style = style;
    chart.marked_x = number(training, "best_epoch");
    chart.marked_label = "kept";
    chart.description = chart.title + " by epoch: ";
    for (const Curve& shown : curves) chart.description += first_and_last(shown, style) + "; ";
    chart.curves = std::move(curves);
    return chart;
}

LineChart loss_chart(const json& training) {
    const json& epochs = member(training, "epochs");
    LineChart chart = epoch_chart(
        training, "Loss (cross-entropy)", NumberStyle::plain,
        {curve(epochs, "train_loss", "training", "first"), curve(epochs, "validation_loss", "validation", "second")});
    double highest = 0.0;
    for (const Curve& shown : chart.curves) {
        for (const auto& value : shown.values) {
            if (value && std::isfinite(*value)) highest = std::max(highest, *value);
        }
    }
    chart.y = linear_axis(0.0, highest);
    return chart;
}

LineChart accuracy_chart(const json& training) {
    const json& epochs = member(training, "epochs");
    LineChart chart = epoch_chart(training, "Accuracy", NumberStyle::percent,
                                  {curve(epochs, "train_accuracy", "training", "first"),
                                   curve(epochs, "validation_accuracy", "validation", "second")});
    chart.y = linear_axis(0.0, 1.0);
    chart.reference = metric(epochs.back(), "validation_accuracy").chance;
    chart.reference_label = "majority";
    return chart;
}

std::string epoch_table(const json& training) {
    std::string rows;
    for (const json& epoch : member(training, "epochs")) {
        rows += fmt::format(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td "
            "class=\"num\">{}</td>{}<td class=\"num\">{}</td></tr>\n",
            count(epoch, "epoch"), format(number(epoch, "train_loss")), format(number(epoch, "validation_loss")),
            format(number(epoch, "train_accuracy"), NumberStyle::percent),
            metric_cell(metric(epoch, "validation_accuracy"), NumberStyle::percent, true),
            format(number(epoch, "images_per_s")));
    }
    return fmt::format(
        "<details><summary>The numbers behind the curves</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Epochs\"><table><caption>Epochs</caption><thead><tr><th scope=\"col\">Epoch</th><th "
        "scope=\"col\" class=\"num\">training loss</th><th scope=\"col\" class=\"num\">validation loss</th><th "
        "scope=\"col\" class=\"num\">training accuracy</th><th scope=\"col\" class=\"num\">validation accuracy</th><th "
        "scope=\"col\" class=\"num\">images per s</th></tr></thead><tbody>{}</tbody></table></div></details>\n",
        rows);
}

}  // namespace

std::string training_section(const ReportInput& input) {
    std::string section = "<section id=\"learned\">\n<h2>2. How the network learned</h2>\n";
    if (!input.training) return section + absent("The learning curve is", "braggbench train --json") + "</section>\n";
    const json& training = *input.training;
    const json& epochs = member(training, "epochs");
    section += fmt::format(
        "<p>Model <strong>{}</strong> with {} parameters, {} epochs in {}\u00a0s. The epoch that is kept, {}, was "
        "chosen on the validation images alone; the test images were not read.</p>\n",
        escape(text(member(training, "options"), "model", "n/a")), format_count(count(training, "parameters")),
        epochs.size(), format(number(training, "seconds")), escape(text(training, "best_epoch", "n/a")));
    if (epochs.empty()) {
        section += "<p class=\"absent\">The training record has no epochs.</p>\n";
    } else {
        section += "<div class=\"columns\">\n" + line_chart(loss_chart(training)) +
                   line_chart(accuracy_chart(training)) + "</div>\n" + epoch_table(training);
    }
    return section + "</section>\n";
}

}  // namespace braggbench::report
