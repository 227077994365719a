#include "classifiers/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "classifiers/evaluate_task.hpp"
#include "classifiers/metric_comparison.hpp"
#include "classifiers/strength_curves.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// Softmax in float adds up to 1 within a few times its epsilon of 1e-7.
constexpr double rounding = 1e-5;

std::vector<std::vector<float>> columns(std::span<const std::vector<float>> rows, std::size_t first,
                                        std::size_t count) {
    std::vector<std::vector<float>> part;
    part.reserve(rows.size());
    for (const auto& row : rows) {
        const auto begin = row.begin() + static_cast<std::ptrdiff_t>(first);
        part.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(count));
    }
    return part;
}

void check(const Predictions& predictions) {
    const auto outputs = output_count(predictions.heads);
    if (predictions.scores.size() != predictions.image_indices.size()) {
        throw DataError(fmt::format("{}: {} answers for {} images (one is needed for each). Make its predictions anew.",
                                    predictions.model, predictions.scores.size(), predictions.image_indices.size()));
    }
    for (std::size_t i = 0; i < predictions.scores.size(); ++i) {
        const auto& row = predictions.scores[i];
        if (row.size() != outputs) {
            throw DataError(
                fmt::format("{}: {} scores for image {} (its heads have {} outputs). Make its predictions "
                            "anew.",
                            predictions.model, row.size(), predictions.image_indices[i], outputs));
        }
        std::size_t column = 0;
        for (const auto& head : predictions.heads) {
            for (const auto& output : head.outputs) {
                const double score = static_cast<double>(row[column++]);
                const bool fits = head.kind == HeadKind::regression ? std::isfinite(score)
                                                                    : score >= -rounding && score <= 1.0 + rounding;
                if (fits) continue;
                throw DataError(fmt::format(
                    "{}: {} for image {}, {} of head {} ({}). Check the model.", predictions.model, score,
                    predictions.image_indices[i], output, head.name,
                    head.kind == HeadKind::regression ? "it must be a number" : "a probability lies between 0 and 1"));
            }
        }
    }
}

// What all models of one call share.
struct Context {
    const CorpusReader& corpus;
    const EvaluationOptions& options;
    std::vector<std::int64_t> train_indices;
    std::vector<ImageSummary> train_images;
    std::vector<ImageSummary> test_images;
};

Context make_context(const CorpusReader& corpus, const EvaluationOptions& options,
                     std::span<const std::int64_t> image_indices) {
    Context context{corpus, options, corpus.indices(Split::train), {}, {}};
    const auto looked_at = static_cast<std::size_t>(std::clamp<std::int64_t>(
        options.baseline_train_images, 0, static_cast<std::int64_t>(context.train_indices.size())));
    if (looked_at == 0) return context;
    context.train_images = summarise_images(corpus, std::span(context.train_indices).first(looked_at), options.threads);
    context.test_images = summarise_images(corpus, image_indices, options.threads);
    return context;
}

nlohmann::json task_json(const Predictions& predictions, std::size_t h, const Context& context,
                         const nlohmann::json& curves) {
    const Head& head = predictions.heads[h];
    Task task = make_task(predictions, h, context.corpus);
    task.train_truth = truth_of(context.corpus, std::span(&head, 1), context.train_indices);
    task.train_images = context.train_images;
    task.test_images = context.test_images;
    task.threads = context.options.threads;
    nlohmann::json json = head.kind == HeadKind::one_of_n      ? class_task_json(task)
                          : head.kind == HeadKind::multi_label ? label_task_json(task)
                                                               : value_task_json(task);
    json["head"] = head.name;
    json["kind"] = to_string(head.kind);
    json["outputs"] = head.outputs;
    json["curves"] = nlohmann::json::array();
    for (const auto& curve : curves) {
        if (curve.at("head") == head.name) json["curves"].push_back(curve);
    }
    return json;
}

nlohmann::json tasks_json(const Predictions& predictions, const Context& context) {
    const auto curves = strength_curves(predictions, context.corpus, context.options.threads);
    nlohmann::json tasks = nlohmann::json::array();
    for (std::size_t h = 0; h < predictions.heads.size(); ++h) {
        tasks.push_back(task_json(predictions, h, context, curves));
    }
    return tasks;
}

nlohmann::json frame(const Predictions& predictions, const Context& context) {
    return {{"command", "evaluate"},
            {"corpus", context.corpus.path().string()},
            {"split", split_name(predictions.split)},
            {"images", predictions.image_indices.size()},
            {"train_images", context.train_indices.size()},
            {"baseline_train_images", context.train_images.size()},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

// A question that several models may have answered, and which of its images each got right.
struct Comparison {
    std::string head;
    std::string output;
    std::vector<int> truth;
    std::vector<ModelAnswers> models;
};

void add_answers(std::vector<Comparison>& comparisons, const std::string& model, const std::string& head,
                 const std::string& output, const std::vector<int>& truth, const std::vector<int>& said) {
    auto found = std::ranges::find_if(
        comparisons, [&](const Comparison& known) { return known.head == head && known.output == output; });
    if (found == comparisons.end()) {
        comparisons.push_back({head, output, truth, {}});
        found = comparisons.end() - 1;
    }
    ModelAnswers answers{model, {}};
    for (std::size_t i = 0; i < truth.size(); ++i) answers.right.push_back(said[i] == truth[i] ? 1 : 0);
    found->models.push_back(std::move(answers));
}

nlohmann::json comparisons_json(std::span<const Predictions> models, const CorpusReader& corpus) {
    std::vector<Comparison> comparisons;
    for (const auto& model : models) {
        bool hits_told = false;
        for (std::size_t h = 0; h < model.heads.size(); ++h) {
            const Task task = make_task(model, h, corpus);
            const Head& head = *task.head;
            if (head.kind == HeadKind::multi_label) {
                for (std::size_t label = 0; label < head.outputs.size(); ++label) {
                    const auto question = label_of(task, label);
                    add_answers(comparisons, model.model, head.name, head.outputs[label], question.truth,
                                question.answers());
                }
            } else if (head.kind == HeadKind::one_of_n) {
                if (head.name != "hit") {
                    add_answers(comparisons, model.model, head.name, "", true_classes(task.truth), classes_said(task));
                }
                // A model of classes tells hits as well, so that it meets spot finders here.
                if (!task.hit_of_class.empty() && !hits_told) {
                    const auto question = hit_of(task);
                    add_answers(comparisons, model.model, "hit", "", question.truth, question.answers());
                    hits_told = true;
                }
            }
        }
    }
    nlohmann::json json = nlohmann::json::array();
    for (const auto& comparison : comparisons) {
        if (comparison.models.size() < 2) continue;
        json.push_back({{"head", comparison.head},
                        {"output", nullptr},
                        {"images", comparison.truth.size()},
                        {"pairs", compare_models(comparison.truth, comparison.models, corpus.info().seed)}});
        if (!comparison.output.empty()) json.back()["output"] = comparison.output;
    }
    return json;
}

}  // namespace

Task make_task(const Predictions& predictions, std::size_t head_index, const CorpusReader& corpus) {
    Task task;
    const Head& head = predictions.heads[head_index];
    task.head = &head;
    task.truth = truth_of(corpus, std::span(&head, 1), predictions.image_indices);
    const auto offset = output_offset(predictions.heads, head.name);
    for (const auto& row : columns(predictions.scores, offset, head.outputs.size())) {
        task.scores.emplace_back(row.begin(), row.end());
        if (head.kind == HeadKind::regression) continue;
        for (double& score : task.scores.back()) score = std::clamp(score, 0.0, 1.0);
    }
    if (head.name == "hit") {
        task.hit_of_class = {0, 1};
    } else if (head.kind == HeadKind::one_of_n) {
        const auto source = head_source(corpus);
        if (!source.hit_classes.empty() && source.hit_classes.size() < head.outputs.size()) {
            for (const auto& name : head.outputs) {
                task.hit_of_class.push_back(std::ranges::count(source.hit_classes, name) > 0 ? 1 : 0);
            }
        }
    }
    task.seed = corpus.info().seed;
    return task;
}

nlohmann::json evaluation_json(std::span<const Predictions> models, const CorpusReader& corpus,
                               const EvaluationOptions& options) {
    if (models.empty()) throw UsageError("no model (there is nothing to be scored). Give at least one.");
    const auto& images = models.front().image_indices;
    if (images.empty()) {
        throw UsageError(
            fmt::format("{}: its {} split has no images (nothing can be scored). Use another split or "
                        "corpus.",
                        corpus.path().string(), split_name(models.front().split)));
    }
    for (const auto& model : models) {
        check(model);
        if (model.image_indices != images) {
            throw UsageError(
                fmt::format("{} and {} answer different images (they cannot be compared). Use the same "
                            "split for both.",
                            models.front().model, model.model));
        }
        for (const auto& head : model.heads) truth_of(corpus, std::span(&head, 1), {});
    }
    const Context context = make_context(corpus, options, images);
    nlohmann::json json = frame(models.front(), context);
    if (models.size() == 1) {
        json["model"] = models.front().model;
        json["tasks"] = tasks_json(models.front(), context);
        return json;
    }
    json["models"] = nlohmann::json::array();
    for (const auto& model : models) {
        json["models"].push_back({{"model", model.model}, {"tasks", tasks_json(model, context)}});
    }
    json["comparisons"] = comparisons_json(models, corpus);
    return json;
}

nlohmann::json evaluation_json(const Predictions& predictions, const CorpusReader& corpus,
                               const EvaluationOptions& options) {
    return evaluation_json(std::span(&predictions, 1), corpus, options);
}

}  // namespace braggbench
