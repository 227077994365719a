#include "bench/ablation/ablation_words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace braggbench {
namespace {

using nlohmann::json;

std::string number_words(const json& value, bool with_sign) {
    if (!value.is_number()) return "n/a";
    return with_sign ? fmt::format("{:+.3f}", value.get<double>()) : fmt::format("{:.3f}", value.get<double>());
}

// "0.713 [0.680, 0.746]"
std::string estimate_words(const json& estimate, bool with_sign) {
    std::string words = number_words(estimate.at("value"), with_sign);
    if (const auto& ci = estimate.at("ci95"); ci.is_array()) {
        words += fmt::format(" [{}, {}]", number_words(ci[0], with_sign), number_words(ci[1], with_sign));
    }
    return words;
}

struct Row {
    std::string value;
    std::string mean;
    std::string difference;
    std::string p;
};

std::vector<Row> rows_of(const json& result, const json& question, const std::string& axis) {
    std::vector<Row> rows;
    for (const auto& marginal : question.at("marginals")) {
        if (marginal.at("axis") != axis) continue;
        Row row{value_words(result, axis, marginal.at("value")), estimate_words(marginal.at("estimate"), false),
                "reference", ""};
        for (const auto& effect : question.at("effects")) {
            if (effect.at("axis") != axis || effect.at("value") != marginal.at("value")) continue;
            row.difference = estimate_words(effect.at("estimate"), true);
            if (effect.contains("p_holm")) row.p = fmt::format("{:.3g}", effect.at("p_holm").get<double>());
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string question_words(const json& question) {
    return fmt::format("{} ({}, chance {})", question.at("name").get<std::string>(),
                       measure_words(question.at("measure")), question.at("chance").get<double>());
}

constexpr const char* what_intervals_are =
    "Intervals: 95 %, over seeds and test images together. p: of no difference, Holm over an axis.";

std::string duration(double seconds) {
    const auto s = static_cast<long>(seconds + 0.5);
    if (s >= 3600) return fmt::format("{}h{:02d}m", s / 3600, s % 3600 / 60);
    return s >= 60 ? fmt::format("{}m{:02d}s", s / 60, s % 60) : fmt::format("{}s", s);
}

}  // namespace

std::string axis_words(const std::string& axis) {
    std::string words = axis;
    std::ranges::replace(words, '_', ' ');
    return words;
}

std::string measure_words(const std::string& measure) {
    static const std::map<std::string, std::string> words = {{"roc_auc", "AUC"},
                                                             {"mean_roc_auc", "mean AUC"},
                                                             {"balanced_accuracy", "balanced accuracy"},
                                                             {"r_squared", "R\u00b2"}};
    return words.at(measure);
}

const json& axis_values(const json& result, const std::string& axis) {
    const auto& axes = result.at("axes");
    return std::ranges::find_if(axes, [&](const json& one) { return one.at("name") == axis; })->at("values");
}

std::vector<std::string> compared_axes(const json& result) {
    std::vector<std::string> axes;
    for (const auto& axis : result.at("axes")) {
        if (axis.at("values").size() > 1 && axis.at("name") != "seed") axes.push_back(axis.at("name"));
    }
    return axes;
}

std::string value_words(const json& result, const std::string& axis, const std::string& value) {
    if (axis == "training_size" && value == "0") return "all";
    if (axis == "native_px" && value == "0") return "the recipe's";
    const auto& sizes = axis_values(result, "input_px");
    std::string words = value;
    if (const auto at = words.find("SIZE"); axis == "view" && at != std::string::npos && sizes.size() == 1) {
        words.replace(at, 4, sizes.front().get<std::string>());
    }
    return words;
}

std::vector<json> primary_questions(const json& result) {
    std::vector<json> questions;
    for (const auto& question : result.at("questions")) {
        if (question.at("primary").get<bool>()) questions.push_back(question);
    }
    return questions;
}

std::string setting_words(const json& result, const json& settings) {
    std::vector<std::string> parts;
    for (const auto& axis : compared_axes(result)) {
        const auto value = value_words(result, axis, settings.at(axis));
        parts.push_back(axis == "view" || axis == "model" || axis == "initialisation"
                            ? value
                            : fmt::format("{} {}", axis_words(axis), value));
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string ablation_table(const json& result) {
    std::string out = fmt::format("{}: {} cells, {} test images\n{}\n", result.at("grid").at("name").get<std::string>(),
                                  result.at("cells").size(), result.at("test_images").get<int>(), what_intervals_are);
    const auto axes = compared_axes(result);
    for (const auto& question : primary_questions(result)) {
        out += fmt::format("\n{}\n", question_words(question));
        if (axes.empty()) out += fmt::format("  {}\n", estimate_words(question.at("mean"), false));
        for (const auto& axis : axes) {
            const auto rows = rows_of(result, question, axis);
            if (rows.empty()) continue;
            out += fmt::format("  {:<28} {:<24} {:<27} {}\n", axis_words(axis), "mean", "difference", "p");
            for (const auto& row : rows) {
                out += fmt::format("    {:<26} {:<24} {:<27} {}\n", row.value, row.mean, row.difference, row.p);
            }
        }
    }
    out += fmt::format("\n{:<44} {:>10} {:>14} {:>16}\n", "cost, mean over seeds", "learn s", "learn GMAC",
                       "answer MMAC/image");
    for (const auto& cost : result.at("costs")) {
        out += fmt::format("{:<44} {:>10.1f} {:>14.1f} {:>16.2f}\n", setting_words(result, cost.at("settings")),
                           cost.at("learn_s").get<double>(), cost.at("learn_multiply_adds").get<double>() / 1e9,
                           cost.at("answer_multiply_adds").get<double>() / 1e6);
    }
    return out;
}

std::string ablation_markdown(const json& result) {
    std::string out =
        fmt::format("### {}\n\n{}. {} cells, {} test images. {}\n", result.at("grid").at("name").get<std::string>(),
                    result.at("grid").at("description").get<std::string>(), result.at("cells").size(),
                    result.at("test_images").get<int>(), what_intervals_are);
    const auto questions = primary_questions(result);
    for (const auto& axis : compared_axes(result)) {
        for (const auto& question : questions) {
            const auto rows = rows_of(result, question, axis);
            if (rows.empty()) continue;
            out += fmt::format("\n| {}: {} | mean | difference | p |\n| --- | --- | --- | --- |\n",
                               question_words(question), axis_words(axis));
            for (const auto& row : rows) {
                out += fmt::format("| {} | {} | {} | {} |\n", row.value, row.mean, row.difference, row.p);
            }
        }
    }
    return out;
}

std::string plan_table(const json& plan) {
    std::string out;
    for (const auto& corpus : plan.at("corpora")) {
        out += fmt::format(
            "{}: {} images, {}\n", corpus.at("path").get<std::string>(), corpus.at("images").get<std::int64_t>(),
            corpus.at("made").get<bool>()
                ? std::string("made")
                : fmt::format("about {} to make, {:.0f} MB", duration(corpus.at("seconds").get<double>()),
                              corpus.at("bytes").get<double>() / 1e6));
    }
    std::size_t done = 0;
    for (const auto& cell : plan.at("cells")) {
        const bool is_done = cell.at("done").get<bool>();
        done += is_done ? 1 : 0;
        out += fmt::format("  {:<8} {}\n", is_done ? "done" : duration(cell.at("seconds").get<double>()),
                           cell.at("name").get<std::string>());
    }
    return out + fmt::format("{} cells, {} of them done; about {} and {:.0f} MB more, maps not counted.\n",
                             plan.at("cells").size(), done, duration(plan.at("seconds").get<double>()),
                             plan.at("bytes").get<double>() / 1e6);
}

}  // namespace braggbench
