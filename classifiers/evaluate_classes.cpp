#include <algorithm>
#include <iterator>
#include <limits>

#include "classifiers/evaluate_task.hpp"
#include "classifiers/metric_calibration.hpp"
#include "classifiers/metric_confusion.hpp"
#include "classifiers/metric_ranking.hpp"

namespace braggbench {
namespace {

constexpr std::size_t max_roc_points = 201;

std::vector<int> merged(std::span<const int> classes, std::span<const int> hit_of_class) {
    return merge_labels(classes, hit_of_class, 2);
}

// Every point if there are few, else those nearest to evenly spaced shares of them, the ends among them. The threshold
// of the first is infinite, which JSON has no word for.
nlohmann::json roc_json(const Ranking& ranking) {
    const auto curve = ranking.roc_curve();
    nlohmann::json points = nlohmann::json::array();
    const std::size_t shown = std::min(curve.size(), max_roc_points);
    for (std::size_t k = 0; k < shown; ++k) {
        const auto& point = curve[shown < 2 ? 0 : k * (curve.size() - 1) / (shown - 1)];
        points.push_back({{"threshold", nullptr},
                          {"false_positive_rate", point.false_positive_rate},
                          {"true_positive_rate", point.true_positive_rate}});
        if (point.threshold < std::numeric_limits<double>::infinity()) points.back()["threshold"] = point.threshold;
    }
    return points;
}

// How many of the hits are found when so many of the misses may be called hits.
nlohmann::json rates_json(const Ranking& ranking) {
    nlohmann::json rates = nlohmann::json::array();
    const auto positives = std::ranges::count(ranking.truth(), 1);
    for (const double highest : {0.001, 0.01, 0.05}) {
        const auto point = ranking.at_false_positive_rate(highest);
        if (!point) continue;
        const auto found = static_cast<std::int64_t>(point->true_positive_rate * static_cast<double>(positives) + 0.5);
        rates.push_back({{"highest_false_positive_rate", highest},
                         {"false_positive_rate", point->false_positive_rate},
                         {"true_positive_rate", proportion(found, positives, point->false_positive_rate)}});
    }
    return rates;
}

BaselineData baseline_data(const Task& task, std::vector<int> test_labels, std::vector<int> train_labels,
                           std::vector<std::string> outputs) {
    return {std::move(train_labels), task.train_images,  std::move(test_labels),
            task.test_images,        std::move(outputs), task.seed};
}

nlohmann::json hit_json(const YesNo& hit, const Task& task, std::vector<int> train_labels) {
    const Ranking ranking(hit.truth, hit.probability);
    auto json = yes_no_json(hit, train_labels, task.seed);
    json["roc"] = roc_json(ranking);
    json["at_false_positive_rates"] = rates_json(ranking);
    add_chance(json, baseline_data(task, hit.truth, std::move(train_labels), {"miss", "hit"}));
    return json;
}

}  // namespace

std::vector<int> classes_said(const Task& task) {
    std::vector<int> said;
    for (const auto& row : task.scores) {
        said.push_back(static_cast<int>(std::distance(row.begin(), std::ranges::max_element(row))));
    }
    return said;
}

std::vector<int> true_classes(std::span<const std::vector<float>> truth) {
    std::vector<int> classes;
    for (const auto& row : truth) classes.push_back(static_cast<int>(row.front()));
    return classes;
}

YesNo hit_of(const Task& task) {
    YesNo hit;
    const auto truth = true_classes(task.truth);
    hit.truth = merged(truth, task.hit_of_class);
    for (std::size_t i = 0; i < truth.size(); ++i) {
        hit.images.push_back(i);
        double sum = 0.0;
        for (std::size_t c = 0; c < task.hit_of_class.size(); ++c) {
            if (task.hit_of_class[c] != 0) sum += task.scores[i][c];
        }
        hit.probability.push_back(sum);
    }
    return hit;
}

nlohmann::json class_task_json(const Task& task) {
    const auto& names = task.head->outputs;
    const auto class_count = static_cast<int>(names.size());
    const auto truth = true_classes(task.truth);
    const auto said = classes_said(task);
    const auto train = true_classes(task.train_truth);
    const auto confusion = confusion_matrix(truth, said, class_count);
    const auto shares = class_shares(train, class_count);
    nlohmann::json json = confusion_scores(confusion, task.seed, train.empty() ? std::span<const double>{} : shares);

    const auto ranked = one_versus_rest(truth, task.scores, class_count, task.seed);
    for (std::size_t c = 0; c < names.size(); ++c) {
        auto& one = json["classes"][c];
        one["name"] = names[c];
        one["roc_auc"] = ranked.roc_auc[c];
        one["average_precision"] = ranked.average_precision[c];
    }
    json["mean_roc_auc"] = ranked.mean_roc_auc;
    json["mean_average_precision"] = ranked.mean_average_precision;
    json["images"] = truth.size();
    json["class_names"] = names;
    json["confusion"] = confusion;

    std::vector<double> confidences;
    std::vector<int> right;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        confidences.push_back(task.scores[i][static_cast<std::size_t>(said[i])]);
        right.push_back(said[i] == truth[i] ? 1 : 0);
    }
    json["calibration"] = calibration_json(confidences, right, task.seed);
    add_chance(json, baseline_data(task, truth, train, names));
    if (!task.hit_of_class.empty()) json["hit"] = hit_json(hit_of(task), task, merged(train, task.hit_of_class));
    return json;
}

}  // namespace braggbench
