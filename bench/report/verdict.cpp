#include <fmt/format.h>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

constexpr NumberStyle percent = NumberStyle::percent;
constexpr NumberStyle plain = NumberStyle::plain;

// How an interval lies to a level: the words the verdict may use.
std::string_view against(const Metric& metric, double level, std::string_view above, std::string_view within,
                         std::string_view below) {
    if (!metric.ci95) return *metric.value > level ? above : below;
    if ((*metric.ci95)[0] > level) return above;
    return (*metric.ci95)[1] < level ? below : within;
}

std::string class_sentences(const json& evaluation, const json& task) {
    const Metric accuracy = metric(task, "accuracy");
    if (!accuracy.value) return "The evaluation has no defined accuracy. ";
    std::string words = fmt::format(
        "On {} held-out {} images of {} classes the network names the right class for <strong>{}</strong>{}. ",
        format_count(count(task, "images")), escape(text(evaluation, "split", "test")), member(task, "outputs").size(),
        format(accuracy.value, percent),
        accuracy.ci95 ? fmt::format(" (95\u202f% interval {})", format_interval(accuracy.ci95, percent)) : "");
    if (const auto best = best_baseline(task, "accuracy")) {
        words += fmt::format("The best trivial baseline ({}) reaches <strong>{}</strong> on the same images: {}. ",
                             escape(baseline_name(best->key)), format(best->score.value, percent),
                             against(accuracy, *best->score.value, "the network is beyond it",
                                     "the network\u2019s interval includes that, so no advantage over it is shown",
                                     "the network is worse than that"));
    }
    return words;
}

// A label is told if the whole interval of its balanced accuracy lies beyond what needs no network.
std::string label_sentences(const json& evaluation, const json& task) {
    const json& labels = member(task, "labels");
    std::string told;
    std::string not_told;
    for (const json& label : labels) {
        const Metric balanced = metric(label, "balanced_accuracy");
        const auto best = best_baseline(label, "balanced_accuracy");
        const bool beyond =
            balanced.value && best && (balanced.ci95 ? (*balanced.ci95)[0] : *balanced.value) > *best->score.value;
        std::string& list = beyond ? told : not_told;
        list += fmt::format("{}{} ({}{})", list.empty() ? "" : ", ", escape(text(label, "name")),
                            format(balanced.value, percent),
                            best ? fmt::format(" against {}", format(best->score.value, percent)) : "");
    }
    std::string words = fmt::format("Of {} labels on {} held-out {} images, ", labels.size(),
                                    format_count(count(task, "images")), escape(text(evaluation, "split", "test")));
    words += told.empty()
                 ? "none is told better than by the best trivial baseline, by balanced accuracy. "
                 : "these are told better than by the best trivial baseline, by balanced accuracy: " + told + ". ";
    if (!told.empty() && !not_told.empty()) words += "No advantage is shown for " + not_told + ". ";
    return words;
}

std::string value_sentences(const json& task) {
    std::string words;
    for (const json& value : member(task, "values")) {
        const Metric error = metric(value, "mean_absolute_error");
        if (!error.value) continue;
        words += fmt::format("{} is off by {} {} on average, {} by always saying the train split\u2019s median. ",
                             escape(text(value, "name")), format(error.value), escape(text(value, "units")),
                             format(error.chance));
    }
    return words;
}

std::string accuracy_sentences(const json& evaluation) {
    std::string words;
    for (const json& task : tasks(evaluation)) {
        const std::string kind = text(task, "kind");
        words += kind == "one_of_n"      ? class_sentences(evaluation, task)
                 : kind == "multi_label" ? label_sentences(evaluation, task)
                                         : value_sentences(task);
    }
    return words.empty() ? "The evaluation has no tasks. " : words;
}

std::string saliency_sentences(const json& explanation) {
    const auto best = best_attribution(explanation);
    if (!best) return "No attribution map has a defined localisation score. ";
    const Metric slift = metric(*best, "slift");
    std::string words = fmt::format(
        "Of {} attribution maps, {} at {} finds the true peaks best: it is <strong>{} times</strong> as strong on them "
        "as on the peak positions of other images of the same class ({}chance {}); {}. ",
        rows_of_kind(explanation, "attribution").size(), escape(map_name(text(*best, "map"))),
        escape(text(*best, "stage")), format(slift.value),
        slift.ci95 ? fmt::format("95\u202f% interval {}, ", format_interval(slift.ci95, plain)) : "",
        format(slift.chance.value_or(1.0)),
        against(slift, slift.chance.value_or(1.0), "it localises", "it is not distinguishable from chance",
                "it avoids the peaks"));
    if (const ScoredMaps maps = scored_maps(*best); maps.scored < maps.of) {
        words += fmt::format("That is over {} of {} images with peaks; on the others the map says nothing. ",
                             maps.scored, maps.of);
    }
    const std::optional<double> oracle = number(*best, "oracle_slift");
    const Metric ceiling = metric(*best, "ceiling_fraction");
    if (oracle && ceiling.value) {
        words += fmt::format(
            "The true peaks themselves, brought to the same grid of {}\u00a0px, reach {}: the map attains "
            "<strong>{}</strong> of that ceiling on the logarithmic scale. ",
            format_setting(number(*best, "stride_px")), format(oracle), format(ceiling.value, percent));
    } else if (oracle) {
        words += fmt::format("The true peaks themselves, brought to the same grid, reach only {}. ", format(oracle));
    }
    for (const json& row : rows_of_kind(explanation, "untrained")) {
        if (text(row, "stage") != text(*best, "stage") || text(row, "map") != text(*best, "map")) continue;
        words += fmt::format("The same map of an untrained network reaches {}. ", format(metric(row, "slift").value));
    }
    std::optional<json> rival;
    for (const json& row : rows_of_kind(explanation, "baseline")) {
        const auto value = metric(row, "slift").value;
        if (value && (!rival || *value > *metric(*rival, "slift").value)) rival = row;
    }
    if (rival) {
        const double reached = *metric(*rival, "slift").value;
        words +=
            fmt::format("The best map that needs no network, {}, reaches {}{}. ", escape(map_name(text(*rival, "map"))),
                        format(reached), reached > *slift.value ? ": more than any of the network\u2019s maps" : "");
    }
    return words;
}

std::string figure(std::string_view label, const std::string& value, const std::string& below) {
    return fmt::format("<div><dt>{}</dt><dd>{}<span class=\"sub\">{}</span></dd></div>\n", label, value, below);
}

std::string interval_below(const Metric& shown, NumberStyle style) {
    const std::string interval = format_interval(shown.ci95, style);
    return interval.empty() ? "no interval" : fmt::format("95\u202f%: {}", interval);
}

std::string key_figures(const ReportInput& input) {
    std::string figures;
    if (input.evaluation) {
        const json& task = task_of_kind(*input.evaluation, "one_of_n");
        if (!task.is_null()) {
            const Metric accuracy = metric(task, "accuracy");
            figures += figure("Accuracy", format(accuracy.value, percent), interval_below(accuracy, percent));
            if (const auto best = best_baseline(task, "accuracy")) {
                figures += figure("Best trivial baseline", format(best->score.value, percent),
                                  escape(capitalised(baseline_name(best->key))));
            }
        }
        const json& labels = task_of_kind(*input.evaluation, "multi_label");
        if (!labels.is_null()) {
            const Metric precision = metric(labels, "mean_average_precision");
            figures += figure(
                "Mean average precision", format(precision.value, percent),
                fmt::format("{}; chance {}", interval_below(precision, percent), format(precision.chance, percent)));
        }
    }
    if (input.explanation) {
        if (const auto best = best_attribution(*input.explanation)) {
            const Metric slift = metric(*best, "slift");
            figures +=
                figure("Best sLift", format(slift.value),
                       fmt::format("{}; chance {}", interval_below(slift, plain), format(slift.chance.value_or(1.0))));
            figures += figure("Its ceiling", format(number(*best, "oracle_slift")),
                              fmt::format("{} reached", format(metric(*best, "ceiling_fraction").value, percent)));
        }
    }
    return figures.empty() ? "" : fmt::format("<dl class=\"figures\">\n{}</dl>\n", figures);
}

}  // namespace

std::string verdict(const ReportInput& input) {
    std::string words = input.evaluation ? accuracy_sentences(*input.evaluation)
                                         : std::string("No evaluation is given, so nothing is said about accuracy. ");
    words += input.explanation ? saliency_sentences(*input.explanation)
                               : std::string("No explanation is given, so nothing is said about saliency maps. ");
    return fmt::format("<p class=\"verdict\">{}</p>\n{}", words, key_figures(input));
}

std::string absent(std::string_view what, std::string_view command) {
    return fmt::format("<p class=\"absent\">{} absent from this report. It is made by <code>{}</code>.</p>\n",
                       escape(what), escape(command));
}

}  // namespace braggbench::report
