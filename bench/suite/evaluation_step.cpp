#include <algorithm>
#include <cmath>
#include <iterator>

#include "bench/suite/measures.hpp"
#include "bench/suite/steps.hpp"
#include "classifiers/any_model.hpp"
#include "classifiers/evaluate.hpp"

namespace braggbench {
namespace {

constexpr double least_probability = 1e-6;  // what a wrong answer of certainty is taken for, in logarithms

// The answers of one head beside the truth, image by image.
class HeadMeasures {
public:
    HeadMeasures(const Predictions& predictions, const Head& head, const CorpusReader& corpus,
                 const MeasureMaker& maker, const nlohmann::json& task)
        : predictions_(predictions),
          head_(head),
          maker_(maker),
          task_(task),
          offset_(output_offset(predictions.heads, head.name)),
          truth_(truth_of(corpus, std::span(&head, 1), predictions.image_indices)) {}

    std::vector<Measure> all() {
        if (head_.kind == HeadKind::one_of_n) add_classes();
        if (head_.kind == HeadKind::multi_label) add_labels();
        if (head_.kind == HeadKind::regression) add_values();
        return std::move(measures_);
    }

private:
    [[nodiscard]] double score(std::size_t image, std::size_t output) const {
        return static_cast<double>(predictions_.scores[image][offset_ + output]);
    }
    [[nodiscard]] std::int64_t image(std::size_t i) const { return predictions_.image_indices[i]; }
    [[nodiscard]] std::string id(const std::string& measure) const { return head_.name + "/" + measure; }

    void add_plain(const nlohmann::json& scores, const std::string& prefix, std::initializer_list<const char*> names) {
        for (const char* name : names) {
            if (!scores.contains(name)) continue;
            measures_.push_back(
                plain_score(id(prefix + name), metric_of(scores.at(name)), scores.at("images").get<std::int64_t>()));
        }
    }

    void add_classes() {
        const std::size_t class_count = head_.outputs.size();
        ImageValues right;
        ImageValues log_loss;
        std::vector<ImageValues> recalls(class_count);
        for (std::size_t i = 0; i < truth_.size(); ++i) {
            const auto actual = static_cast<std::size_t>(truth_[i].front());
            std::size_t said = 0;
            for (std::size_t c = 1; c < class_count; ++c) said = score(i, c) > score(i, said) ? c : said;
            right.add(image(i), said == actual ? 1.0 : 0.0);
            recalls[actual].add(image(i), said == actual ? 1.0 : 0.0);
            log_loss.add(image(i), -std::log(std::clamp(score(i, actual), least_probability, 1.0)));
        }
        measures_.push_back(maker_.share_of(id("accuracy"), right, metric_of(task_.at("accuracy")).chance));
        add_plain(task_, "", {"balanced_accuracy", "macro_f1", "mcc", "mean_roc_auc"});
        // Chance: always the shares of the classes among these images.
        double entropy = 0.0;
        for (const auto& recall : recalls) {
            const double share = static_cast<double>(recall.values.size()) / static_cast<double>(truth_.size());
            if (share > 0.0) entropy -= share * std::log(share);
        }
        measures_.push_back(maker_.of(id("log_loss"), log_loss, Better::lower, entropy));
        for (std::size_t c = 0; c < class_count; ++c) {
            if (recalls[c].values.empty()) continue;
            measures_.push_back(maker_.share_of(id("recall/" + head_.outputs[c]), recalls[c],
                                                metric_of(task_.at("classes").at(c).at("recall")).chance));
        }
        add_baseline(task_, "");
        if (!task_.contains("hit")) return;
        add_plain(task_.at("hit"), "hit/", {"accuracy", "roc_auc"});
        add_baseline(task_.at("hit"), "hit/");
    }

    // What needs no network does on the same images.
    void add_baseline(const nlohmann::json& scores, const std::string& prefix) {
        const auto& best = scores.at("best_baseline").at("accuracy").at("name");
        if (!best.is_string()) return;
        const auto& chosen = scores.at("chance_levels").at(best.get<std::string>()).at("accuracy");
        measures_.push_back(plain_score(id(prefix + "best_baseline/accuracy"), metric_of(chosen),
                                        scores.at("images").get<std::int64_t>()));
    }

    void add_labels() {
        for (std::size_t label = 0; label < head_.outputs.size(); ++label) {
            const auto& scores = task_.at("labels").at(label);
            ImageValues right;
            for (std::size_t i = 0; i < truth_.size(); ++i) {
                const float actual = truth_[i][label];
                if (std::isnan(actual)) continue;
                right.add(image(i), (score(i, label) > 0.5) == (actual > 0.5F) ? 1.0 : 0.0);
            }
            const std::string prefix = head_.outputs[label] + "/";
            measures_.push_back(
                maker_.share_of(id(prefix + "accuracy"), right, metric_of(scores.at("accuracy")).chance));
            add_plain(scores, prefix, {"balanced_accuracy", "roc_auc", "average_precision"});
        }
        for (const char* name : {"mean_average_precision", "exact_match"}) {
            measures_.push_back(
                plain_score(id(name), metric_of(task_.at(name)), static_cast<std::int64_t>(truth_.size())));
        }
    }

    void add_values() {
        for (std::size_t value = 0; value < head_.outputs.size(); ++value) {
            const auto& scores = task_.at("values").at(value);
            ImageValues errors;
            for (std::size_t i = 0; i < truth_.size(); ++i) {
                const double actual = static_cast<double>(truth_[i][value]);
                if (!std::isnan(actual)) errors.add(image(i), std::abs(score(i, value) - actual));
            }
            const std::string prefix = head_.outputs[value] + "/";
            const std::string unit = scores.at("units").get<std::string>();
            measures_.push_back(maker_.of(id(prefix + "mean_absolute_error"), errors, Better::lower,
                                          metric_of(scores.at("mean_absolute_error")).chance, Statistic::mean,
                                          unit == "1" ? "" : unit));
            add_plain(scores, prefix, {"r_squared"});
        }
    }

    const Predictions& predictions_;
    const Head& head_;
    const MeasureMaker& maker_;
    const nlohmann::json& task_;
    std::size_t offset_;
    std::vector<std::vector<float>> truth_;
    std::vector<Measure> measures_;
};

}  // namespace

StepResult run_evaluation_step(const EvaluationStep& step, const ModelInput& model, const std::filesystem::path& corpus,
                               const StepWork& work) {
    const CorpusReader reader(corpus);
    const auto predictions = predict_with_file(model.file, reader, split_of(step.split), work.progress);
    EvaluationOptions options;
    options.baseline_train_images = step.baseline_images;
    options.threads = static_cast<unsigned>(work.threads);
    const auto evaluation = evaluation_json(predictions, reader, options);
    const MeasureMaker maker(reader, model.weights);
    StepResult result;
    for (std::size_t h = 0; h < predictions.heads.size(); ++h) {
        auto measures =
            HeadMeasures(predictions, predictions.heads[h], reader, maker, evaluation.at("tasks").at(h)).all();
        std::ranges::move(measures, std::back_inserter(result.measures));
    }
    return result;
}

}  // namespace braggbench
