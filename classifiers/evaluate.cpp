#include "classifiers/evaluate.hpp"

#include <algorithm>

#include "classifiers/baselines.hpp"
#include "classifiers/image_set.hpp"
#include "classifiers/metric.hpp"
#include "classifiers/model.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

constexpr std::size_t batch_size = 32;
constexpr std::size_t chunk_size = 512;  // images held in memory at a time

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

std::string split_name(Split split) {
    switch (split) {
        case Split::train:
            return "train";
        case Split::validation:
            return "validation";
        case Split::test:
            return "test";
    }
    return "";
}

Predictions predict(const TrainedModel& model, const CorpusReader& corpus, Split split,
                    const std::function<void(std::int64_t, std::int64_t)>& progress) {
    const auto& names = corpus.info().class_names;
    if (names != model.card.class_names) {
        throw UsageError(
            corpus.path().string() +
            ": its classes are not those of the model (their predictions cannot be compared). Use a corpus of "
            "the recipe that the model was trained on.");
    }
    Predictions predictions;
    predictions.split = split;
    predictions.image_indices = corpus.indices(split);
    const auto& indices = predictions.image_indices;
    const auto& response = corpus.info().response;
    for (std::size_t chunk = 0; chunk < indices.size(); chunk += chunk_size) {
        const auto in_chunk = std::min(chunk_size, indices.size() - chunk);
        const auto images = load_image_set(corpus, std::span(indices).subspan(chunk, in_chunk), model.card.view,
                                           response.gain_adu_per_photon, response.offset_adu);
        predictions.truth.insert(predictions.truth.end(), images.labels.begin(), images.labels.end());
        for (std::size_t first = 0; first < in_chunk; first += batch_size) {
            std::vector<std::int64_t> rows;
            for (auto row = first; row < std::min(first + batch_size, in_chunk); ++row) {
                rows.push_back(static_cast<std::int64_t>(row));
            }
            const auto batch = batch_of(images, rows);
            const torch::InferenceMode inference;
            const auto probabilities = torch::softmax(model.network->forward(batch), 1).contiguous();
            const auto* values = probabilities.data_ptr<float>();
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const std::vector<float> row(values + i * names.size(), values + (i + 1) * names.size());
                predictions.predicted.push_back(
                    static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin()));
                predictions.probabilities.push_back(row);
            }
            if (progress) {
                progress(static_cast<std::int64_t>(chunk + first + rows.size()),
                         static_cast<std::int64_t>(indices.size()));
            }
        }
    }
    return predictions;
}

nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus) {
    const auto& names = corpus.info().class_names;
    const auto class_count = static_cast<int>(names.size());
    const auto count = static_cast<std::int64_t>(predictions.truth.size());
    const auto confusion = confusion_matrix(predictions.truth, predictions.predicted, class_count);
    const auto levels = chance_levels(corpus, predictions.image_indices, predictions.truth);

    std::vector<int> train_labels;
    for (const auto index : corpus.indices(Split::train)) {
        train_labels.push_back(corpus.class_indices()[static_cast<std::size_t>(index)]);
    }
    const auto train_shares = class_shares(train_labels, class_count);
    const auto test_shares = class_shares(predictions.truth, class_count);
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
