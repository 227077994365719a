#include "classifiers/evaluate.hpp"

#include <algorithm>

#include "classifiers/baselines.hpp"
#include "classifiers/metric.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// Recall and precision of a class c, beside those of a guess that ignores the image and says c as often as it occurs.
nlohmann::json class_json(const Confusion& confusion, std::size_t c, const std::string& name, double train_share,
                          double test_share) {
    std::int64_t support = 0;
    std::int64_t called = 0;
    for (std::size_t other = 0; other < confusion.size(); ++other) {
        support += confusion[c][other];
        called += confusion[other][c];
    }
    return {{"name", name},
            {"support", support},
            {"precision", proportion(confusion[c][c], called, test_share)},
            {"recall", proportion(confusion[c][c], support, train_share)}};
}

}  // namespace

nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus) {
    const auto& names = corpus.info().class_names;
    const auto class_count = static_cast<int>(names.size());
    std::vector<int> truth;
    for (const auto index : predictions.image_indices) {
        truth.push_back(corpus.class_indices()[static_cast<std::size_t>(index)]);
    }
    std::vector<int> predicted;
    for (const auto& row : predictions.scores) {
        predicted.push_back(static_cast<int>(std::max_element(row.begin(), row.begin() + class_count) - row.begin()));
    }
    const auto count = static_cast<std::int64_t>(truth.size());
    const auto confusion = confusion_matrix(truth, predicted, class_count);
    const auto levels = chance_levels(corpus, predictions.image_indices, truth);

    std::vector<int> train_labels;
    for (const auto index : corpus.indices(Split::train)) {
        train_labels.push_back(corpus.class_indices()[static_cast<std::size_t>(index)]);
    }
    const auto train_shares = class_shares(train_labels, class_count);
    const auto test_shares = class_shares(truth, class_count);
    nlohmann::json classes = nlohmann::json::array();
    for (std::size_t c = 0; c < names.size(); ++c) {
        classes.push_back(class_json(confusion, c, names[c], train_shares[c], test_shares[c]));
    }

    nlohmann::json chance = nlohmann::json::object();
    nlohmann::json best = {{"name", nullptr}, {"value", nullptr}};
    for (const auto& level : levels) {
        chance[level.name] = level.accuracy;
        const auto& value = level.accuracy.value;
        if (value && (best["value"].is_null() || *value > best["value"].get<double>())) {
            best = {{"name", level.name}, {"value", *value}};
        }
    }
    std::int64_t right = 0;
    for (std::size_t c = 0; c < names.size(); ++c) right += confusion[c][c];
    const auto seed = corpus.info().seed;
    return {
        {"command", "evaluate"},
        {"corpus", corpus.path().string()},
        {"split", split_name(predictions.split)},
        {"images", count},
        {"class_names", names},
        {"accuracy", proportion(right, count, levels.front().accuracy.value)},
        {"balanced_accuracy",
         Metric{balanced_accuracy(confusion), bootstrap_ci95(confusion, balanced_accuracy, seed), 1.0 / class_count}},
        {"mcc", Metric{matthews_correlation(confusion), bootstrap_ci95(confusion, matthews_correlation, seed), 0.0}},
        {"classes", classes},
        {"confusion", confusion},
        {"chance_levels", chance},
        {"best_baseline", best},
        {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

}  // namespace braggbench
