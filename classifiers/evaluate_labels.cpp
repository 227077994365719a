#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "classifiers/evaluate_task.hpp"
#include "classifiers/metric_bootstrap.hpp"
#include "classifiers/metric_calibration.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/metric_ranking.hpp"
#include "classifiers/metric_regression.hpp"
#include "classifiers/parallel.hpp"

namespace braggbench {
namespace {

bool known(float target) { return !std::isnan(target); }

// The images of the train split of which a target is known, with what a glance tells of the first of them.
struct TrainColumn {
    std::vector<float> targets;
    std::vector<ImageSummary> images;
};

TrainColumn train_column(const Task& task, std::size_t column) {
    TrainColumn train;
    for (std::size_t i = 0; i < task.train_truth.size(); ++i) {
        if (!known(task.train_truth[i][column])) continue;
        train.targets.push_back(task.train_truth[i][column]);
        if (i < task.train_images.size()) train.images.push_back(task.train_images[i]);
    }
    return train;
}

std::vector<ImageSummary> picked(std::span<const ImageSummary> images, std::span<const std::size_t> rows) {
    std::vector<ImageSummary> chosen;
    if (images.empty()) return chosen;
    for (const auto row : rows) chosen.push_back(images[row]);
    return chosen;
}

nlohmann::json one_label_json(const Task& task, std::size_t label) {
    const auto question = label_of(task, label);
    const auto train = train_column(task, label);
    const std::vector<int> train_labels(train.targets.begin(), train.targets.end());
    const auto images = static_cast<std::int64_t>(question.truth.size());
    const auto support = std::ranges::count(question.truth, 1);
    auto json = yes_no_json(question, train_labels, task.seed);
    json["name"] = task.head->outputs[label];
    json["unknown"] = static_cast<std::int64_t>(task.truth.size()) - images;
    json["support"] = support;
    json["prevalence"] = proportion(support, images, std::nullopt);
    json["calibration"] = calibration_json(question.probability, question.truth, task.seed);
    const auto test_images = picked(task.test_images, question.images);
    add_chance(json, {train_labels, train.images, question.truth, test_images, {"false", "true"}, task.seed});
    return json;
}

// The mean over the labels that have images of both kinds; images are drawn whole, so that labels stay together.
Metric mean_average_precision(const Task& task) {
    struct Label {
        std::vector<std::size_t> images;
        Ranking ranking;
    };
    std::vector<Label> labels;
    double prevalences = 0.0;
    for (std::size_t label = 0; label < task.head->outputs.size(); ++label) {
        auto question = label_of(task, label);
        const auto positives = std::accumulate(question.truth.begin(), question.truth.end(), 0.0);
        if (positives == 0.0) continue;
        prevalences += positives / static_cast<double>(question.truth.size());
        labels.push_back({question.images, Ranking(question.truth, question.probability)});
    }
    if (labels.empty()) return {};
    const std::vector<int> strata(task.truth.size(), 0);
    return bootstrapped_share(
        strata,
        [&](std::span<const int> counts) -> std::optional<double> {
            double sum = 0.0;
            std::vector<int> of_label;
            for (const auto& label : labels) {
                of_label.clear();
                for (const auto row : label.images) of_label.push_back(counts[row]);
                const auto value = label.ranking.average_precision(of_label);
                if (!value) return std::nullopt;
                sum += *value;
            }
            return sum / static_cast<double>(labels.size());
        },
        prevalences / static_cast<double>(labels.size()), task.seed);
}

// All labels of an image right at once, where all are known; by chance, always the most frequent combination.
Metric exact_match(const Task& task) {
    std::map<std::vector<float>, std::int64_t> combinations;
    for (const auto& row : task.train_truth) {
        if (std::ranges::all_of(row, known)) ++combinations[row];
    }
    const auto most = std::ranges::max_element(combinations, {}, [](const auto& entry) { return entry.second; });
    std::int64_t images = 0;
    std::int64_t right = 0;
    std::int64_t right_by_chance = 0;
    for (std::size_t i = 0; i < task.truth.size(); ++i) {
        const auto& truth = task.truth[i];
        if (!std::ranges::all_of(truth, known)) continue;
        ++images;
        bool all_right = true;
        for (std::size_t label = 0; label < truth.size(); ++label) {
            all_right = all_right && (task.scores[i][label] > yes_above) == (truth[label] > 0.5F);
        }
        right += all_right ? 1 : 0;
        right_by_chance += most != combinations.end() && most->first == truth ? 1 : 0;
    }
    std::optional<double> chance;
    if (images > 0 && !combinations.empty()) {
        chance = static_cast<double>(right_by_chance) / static_cast<double>(images);
    }
    return proportion(right, images, chance);
}

nlohmann::json one_value_json(const Task& task, std::size_t column) {
    std::vector<std::size_t> rows;
    std::vector<double> truth;
    std::vector<double> said;
    for (std::size_t i = 0; i < task.truth.size(); ++i) {
        if (!known(task.truth[i][column])) continue;
        rows.push_back(i);
        truth.push_back(static_cast<double>(task.truth[i][column]));
        said.push_back(task.scores[i][column]);
    }
    const auto train = train_column(task, column);
    const auto test_images = picked(task.test_images, rows);
    const ValueBaselineData data{
        {train.targets.begin(), train.targets.end()}, train.images, truth, test_images, task.seed};
    const auto levels = value_chance_json(data);
    const auto scores = regression_scores(truth, said, task.seed);
    nlohmann::json json = {{"name", task.head->outputs[column]},
                           {"images", truth.size()},
                           {"unknown", task.truth.size() - truth.size()},
                           {"mean_absolute_error", scores.mean_absolute_error},
                           {"root_mean_square", scores.root_mean_square},
                           {"r_squared", scores.r_squared},
                           {"chance_levels", levels}};
    if (column < task.head->units.size()) json["units"] = task.head->units[column];
    // What the train split's own constant gives, where there is a train split; else the best constant of these images.
    if (levels.contains("train_median")) {
        json["mean_absolute_error"]["chance"] = levels["train_median"]["mean_absolute_error"]["value"];
        json["root_mean_square"]["chance"] = levels["train_mean"]["root_mean_square"]["value"];
    }
    return json;
}

// Each in a thread of its own.
nlohmann::json columns_json(const Task& task, nlohmann::json (*one)(const Task&, std::size_t)) {
    std::vector<nlohmann::json> columns(task.head->outputs.size());
    for_each_index(
        static_cast<std::int64_t>(columns.size()),
        [&](std::int64_t c) { columns[static_cast<std::size_t>(c)] = one(task, static_cast<std::size_t>(c)); },
        task.threads);
    return columns;
}

}  // namespace

std::vector<int> YesNo::answers() const {
    std::vector<int> said;
    for (const double p : probability) said.push_back(p > yes_above ? 1 : 0);
    return said;
}

YesNo label_of(const Task& task, std::size_t label) {
    YesNo question;
    for (std::size_t i = 0; i < task.truth.size(); ++i) {
        if (!known(task.truth[i][label])) continue;
        question.images.push_back(i);
        question.truth.push_back(task.truth[i][label] > 0.5F ? 1 : 0);
        question.probability.push_back(task.scores[i][label]);
    }
    return question;
}

nlohmann::json yes_no_json(const YesNo& question, std::span<const int> train_labels, std::uint64_t seed) {
    const auto confusion = confusion_matrix(question.truth, question.answers(), 2);
    const auto shares = class_shares(train_labels, 2);
    const auto scores = confusion_scores(confusion, seed, train_labels.empty() ? std::span<const double>{} : shares);
    return {{"images", question.truth.size()},
            {"accuracy", scores.accuracy},
            {"balanced_accuracy", scores.balanced_accuracy},
            {"precision", scores.classes[1].precision},
            {"recall", scores.classes[1].recall},
            {"f1", scores.classes[1].f1},
            {"mcc", scores.mcc},
            {"confusion", confusion},
            {"roc_auc", roc_auc(question.truth, question.probability)},
            {"average_precision", average_precision(question.truth, question.probability, seed)}};
}

void add_chance(nlohmann::json& json, const BaselineData& data) {
    const auto levels = chance_levels(data);
    json["chance_levels"] = chance_json(levels);
    json["best_baseline"] = best_json(levels);
}

nlohmann::json calibration_json(std::span<const double> confidences, std::span<const int> right, std::uint64_t seed) {
    nlohmann::json bins = nlohmann::json::array();
    for (const auto& bin : reliability_curve(confidences, right)) {
        bins.push_back({{"low", bin.low},
                        {"high", bin.high},
                        {"count", bin.count},
                        {"mean_confidence", nullptr},
                        {"accuracy", bin.accuracy}});
        if (bin.mean_confidence) bins.back()["mean_confidence"] = *bin.mean_confidence;
    }
    return {{"expected_calibration_error", expected_calibration_error(confidences, right, seed)}, {"bins", bins}};
}

nlohmann::json label_task_json(const Task& task) {
    return {{"images", task.truth.size()},
            {"labels", columns_json(task, one_label_json)},
            {"mean_average_precision", mean_average_precision(task)},
            {"exact_match", exact_match(task)}};
}

nlohmann::json value_task_json(const Task& task) {
    return {{"images", task.truth.size()}, {"values", columns_json(task, one_value_json)}};
}

}  // namespace braggbench
