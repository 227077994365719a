#include <fmt/format.h>

#include <algorithm>

#include "bench/text_numbers.hpp"
#include "bench/text_tables.hpp"

namespace braggbench {

namespace {

using nlohmann::json;

std::string score_line(const json& scores, const char* key, const char* words) {
    const json& metric = scores.at(key);
    return fmt::format("{:<24} {:<26} chance {}\n", words, metric_text(metric, 4), number_text(metric.at("chance"), 4));
}

std::string baseline_lines(const json& scores) {
    std::string out = fmt::format("\n{:<24} {:<26} {:<26}\n", "without a network", "accuracy", "balanced accuracy");
    for (const auto& [name, level] : scores.at("chance_levels").items()) {
        out += fmt::format("  {:<22} {:<26} {:<26}\n", name, metric_text(level.at("accuracy"), 4),
                           metric_text(level.at("balanced_accuracy"), 4));
    }
    return out;
}

std::string confusion_lines(const json& task) {
    std::string out = fmt::format("\n{:<14} {:>7}  {:<26} {:<26} {}\n", "class", "images", "recall", "precision",
                                  "said to be (true class per row)");
    const json& classes = task.at("classes");
    for (std::size_t c = 0; c < classes.size(); ++c) {
        std::string row;
        for (const json& count : task.at("confusion")[c]) row += fmt::format("{:>6}", count.get<std::int64_t>());
        out += fmt::format("{:<14} {:>7}  {:<26} {:<26} {}\n", classes[c].at("name").get<std::string>(),
                           classes[c].at("support").get<std::int64_t>(), metric_text(classes[c].at("recall"), 3),
                           metric_text(classes[c].at("precision"), 3), row);
    }
    return out;
}

std::string hit_lines(const json& hit) {
    std::string out = "\nhit or miss\n";
    out += score_line(hit, "accuracy", "  accuracy") + score_line(hit, "balanced_accuracy", "  balanced accuracy") +
           score_line(hit, "roc_auc", "  ROC-AUC");
    for (const json& rate : hit.at("at_false_positive_rates")) {
        out += fmt::format("  hits found, false hits at most {:g} %: {}\n",
                           100.0 * rate.at("highest_false_positive_rate").get<double>(),
                           metric_text(rate.at("true_positive_rate"), 4));
    }
    return out;
}

std::string class_text(const json& task) {
    std::string out = score_line(task, "accuracy", "accuracy") +
                      score_line(task, "balanced_accuracy", "balanced accuracy") +
                      score_line(task, "macro_f1", "macro F1") + score_line(task, "mcc", "MCC") +
                      score_line(task.at("calibration"), "expected_calibration_error", "calibration error");
    out += baseline_lines(task) + confusion_lines(task);
    if (task.contains("hit")) out += hit_lines(task.at("hit"));
    return out;
}

std::string label_text(const json& task) {
    std::string out = fmt::format("{:<14} {:>7} {:>9}  {:<24} {:<26} {:<24} {}\n", "label", "images", "true",
                                  "balanced accuracy", "best without a network", "ROC-AUC", "MCC");
    for (const json& label : task.at("labels")) {
        const json& best = label.at("best_baseline").at("balanced_accuracy");
        out += fmt::format("{:<14} {:>7} {:>9}  {:<24} {:<26} {:<24} {}\n", label.at("name").get<std::string>(),
                           label.at("images").get<std::int64_t>(), label.at("support").get<std::int64_t>(),
                           metric_text(label.at("balanced_accuracy"), 3),
                           best.at("name").is_string() ? fmt::format("{} {}", number_text(best.at("value"), 3),
                                                                     best.at("name").get<std::string>())
                                                       : "n/a",
                           metric_text(label.at("roc_auc"), 3), number_text(label.at("mcc").at("value"), 3));
    }
    return out + '\n' + score_line(task, "mean_average_precision", "mAP") +
           score_line(task, "exact_match", "all labels right");
}

std::string value_text(const json& task) {
    std::string out = fmt::format("{:<14} {:>7}  {:<28} {:<9} {:<28} {:<9} {}\n", "value", "images",
                                  "mean absolute error", "chance", "root mean square", "chance", "R^2");
    for (const json& value : task.at("values")) {
        const json& mae = value.at("mean_absolute_error");
        const json& rms = value.at("root_mean_square");
        out +=
            fmt::format("{:<14} {:>7}  {:<28} {:<9} {:<28} {:<9} {}\n", value.at("name").get<std::string>(),
                        value.at("images").get<std::int64_t>(), metric_text(mae, 4), number_text(mae.at("chance"), 4),
                        metric_text(rms, 4), number_text(rms.at("chance"), 4), metric_text(value.at("r_squared"), 3));
    }
    return out;
}

std::string curve_lines(const json& task) {
    std::string out;
    for (const json& curve : task.at("curves")) {
        const json& threshold = curve.at("curve").at("threshold");
        if (!threshold.at("value").is_number()) continue;
        const auto words = [](const json& value) { return fmt::format("{:.3g}", value.get<double>()); };
        std::string at = words(threshold.at("value"));
        if (const json& ci = threshold.at("ci95"); ci.is_array()) {
            at += fmt::format(" [{}, {}]", words(ci[0]), words(ci[1]));
        }
        out += fmt::format("  {:<14} {:<30} {} {}\n",
                           curve.at("output").is_string() ? curve.at("output").get<std::string>() : "class",
                           curve.at("quantity").get<std::string>(), at, curve.at("units").get<std::string>());
    }
    return out.empty() ? out : "\nhalf way from false alarms to certainty at\n" + out;
}

std::string tasks_text(const json& tasks) {
    std::string out;
    for (const json& task : tasks) {
        const std::string kind = task.at("kind");
        out += fmt::format("\nhead {}\n", task.at("head").get<std::string>());
        out += kind == "one_of_n" ? class_text(task) : kind == "multi_label" ? label_text(task) : value_text(task);
        out += curve_lines(task);
    }
    return out;
}

std::string comparison_text(const json& comparisons) {
    std::string out;
    for (const json& comparison : comparisons) {
        out += fmt::format("\n{}, {} images: accuracy of one less that of the other, p by McNemar and Holm\n",
                           comparison.at("output").is_string() ? comparison.at("output").get<std::string>()
                                                               : comparison.at("head").get<std::string>(),
                           comparison.at("images").get<std::int64_t>());
        for (const json& pair : comparison.at("pairs")) {
            out += fmt::format("  {} - {}: {}, p = {:.2g}\n", pair.at("first").get<std::string>(),
                               pair.at("second").get<std::string>(), metric_text(pair.at("accuracy_difference"), 4),
                               pair.at("p_holm").get<double>());
        }
    }
    return out;
}

}  // namespace

std::string evaluation_table(const json& e) {
    std::string out = fmt::format("{} {} images of {}\n", e.at("images").get<std::int64_t>(),
                                  e.at("split").get<std::string>(), e.at("corpus").get<std::string>());
    if (!e.contains("models")) return out + tasks_text(e.at("tasks"));
    for (const json& model : e.at("models")) {
        out += fmt::format("\n== {} ==\n", model.at("model").get<std::string>()) + tasks_text(model.at("tasks"));
    }
    return out + comparison_text(e.at("comparisons"));
}

}  // namespace braggbench
