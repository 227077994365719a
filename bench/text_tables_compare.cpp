#include <fmt/format.h>

#include "bench/text_numbers.hpp"
#include "bench/text_tables.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

// The tasks of a model in an evaluation of one or several.
const json* tasks_of(const json& evaluation, const std::string& model) {
    if (evaluation.contains("tasks")) return &evaluation.at("tasks");
    for (const auto& one : evaluation.at("models")) {
        if (one.at("model") == model) return &one.at("tasks");
    }
    return nullptr;
}

std::string amount(const json& row, const char* key, double unit, int digits) {
    return row.contains(key) ? number_text(row.at(key).get<double>() / unit, digits) : "-";
}

std::string line(const json& row, const json& evaluation) {
    const auto name = row.at("model").get<std::string>();
    if (row.contains("failed")) return fmt::format("{:<20} {}\n", name, row.at("failed").get<std::string>());
    const auto& task = tasks_of(evaluation, name)->at(0);
    const bool classes = task.at("head") == "class";
    const json& hit = classes ? (task.contains("hit") ? task.at("hit") : json()) : task.at("hit");
    const auto metric = [](const json& scores, const char* key) {
        return scores.is_null() ? std::string("-") : metric_text(scores.at(key), 4);
    };
    const json none;
    const auto& training = row.at("training");
    std::string learned = "-";
    if (training.contains("epochs")) {
        learned = fmt::format("{} of {}", training.at("epochs").size(), training.at("options").at("epochs").get<int>());
        if (training.at("stopped") == "time") learned += "*";
    }
    return fmt::format("{:<20} {:<26} {:>8} {:<26} {:>10} {:>9} {:>8} {:>9} {:>8} {:>8}\n", name,
                       metric(classes ? task : none, "accuracy"),
                       classes ? number_text(task.at("balanced_accuracy").at("value"), 4) : "-",
                       metric(hit, "accuracy"), amount(row, "parameters", 1.0, 0), amount(row, "multiply_adds", 1e6, 1),
                       amount(training, "seconds", 1.0, 0), learned, amount(row, "images_per_s", 1.0, 0),
                       amount(row, "corpus_images_per_s", 1.0, 0));
}

}  // namespace

std::string comparison_table(const json& comparison) {
    const auto header =
        fmt::format("{:<20} {:<26} {:>8} {:<26} {:>10} {:>9} {:>8} {:>9} {:>8} {:>8}\n", "model", "accuracy",
                    "balanced", "hit or miss", "parameters", "MMAC", "train s", "epochs", "images/s", "from file");
    std::string out = header;
    if (!comparison.contains("evaluation")) return out + "no model could be scored\n";
    const auto& evaluation = comparison.at("evaluation");
    for (const auto& row : comparison.at("rows")) out += line(row, evaluation);
    const auto& first =
        evaluation.contains("tasks") ? evaluation.at("tasks") : evaluation.at("models").at(0).at("tasks");
    for (const auto& [name, level] : first.at(0).at("chance_levels").items()) {
        out += fmt::format("{:<20} {:<26} {:>8}\n", name, metric_text(level.at("accuracy"), 4),
                           number_text(level.at("balanced_accuracy").at("value"), 4));
    }
    return out + fmt::format(
                     "* stopped in the middle of an epoch by its {} minutes; `braggbench train --device cuda` "
                     "goes on where there is a GPU.\n",
                     comparison.at("minutes").get<double>());
}

}  // namespace braggbench
