#include "classifiers/train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "classifiers/baselines.hpp"
#include "classifiers/fit.hpp"
#include "classifiers/image_set.hpp"
#include "classifiers/metric.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

constexpr int min_view_size_px = 32;  // two units are left of it at the deepest stage

void check(const TrainOptions& options) {
    std::string faults;
    const auto fault = [&](const std::string& text) { faults += (faults.empty() ? "" : "\n") + text; };
    if (options.epochs < 1) {
        fault("epochs = " + std::to_string(options.epochs) + " (nothing would be learned). Give 1 or more.");
    }
    if (options.batch_size < 1) {
        fault("batch_size = " + std::to_string(options.batch_size) + " (a step needs images). Give 1 or more.");
    }
    if (!(options.learning_rate > 0.0) || !std::isfinite(options.learning_rate)) {
        fault("learning_rate = " + std::to_string(options.learning_rate) +
              " (steps must go downhill). Give a positive number such as 0.002.");
    }
    if (!(options.weight_decay >= 0.0) || !std::isfinite(options.weight_decay)) {
        fault("weight_decay = " + std::to_string(options.weight_decay) +
              " (weights would grow without bound). Give 0 or more.");
    }
    if (options.view_size_px != 0 && options.view_size_px < min_view_size_px) {
        fault("view_size_px = " + std::to_string(options.view_size_px) + " (too small for the networks). Give " +
              std::to_string(min_view_size_px) + " or more, or 0 for the corpus' own size.");
    }
    if (options.resume && options.checkpoint.empty()) {
        fault("resume without a checkpoint (there is nothing to resume from). Name the checkpoint file.");
    }
    if (!faults.empty()) throw UsageError(faults);
}

void require_every_class(const CorpusReader& corpus, const std::vector<int>& train_labels) {
    const auto& names = corpus.info().class_names;
    std::string missing;
    for (std::size_t c = 0; c < names.size(); ++c) {
        if (std::find(train_labels.begin(), train_labels.end(), static_cast<int>(c)) != train_labels.end()) continue;
        missing += (missing.empty() ? "'" : ", '") + names[c] + "'";
    }
    if (!missing.empty()) {
        throw DataError(corpus.path().string() + ": no image of " + missing +
                        " in the train split (a class that is never seen cannot be learned). Generate more images.");
    }
}

nlohmann::json training_json(const CorpusReader& corpus, const Recipe& recipe, const TrainOptions& options,
                             const FitResult& result, const std::vector<int>& validation_labels,
                             const Classifier& network, double seconds) {
    const auto shares = class_shares(validation_labels, static_cast<int>(corpus.info().class_names.size()));
    const double majority = *std::max_element(shares.begin(), shares.end());
    const auto count = static_cast<std::int64_t>(validation_labels.size());
    nlohmann::json epochs = nlohmann::json::array();
    for (const auto& epoch : result.epochs) {
        auto json = to_json(epoch);
        json["validation_accuracy"] =
            proportion(std::llround(epoch.validation_accuracy * static_cast<double>(count)), count, majority);
        epochs.push_back(json);
    }
    return {{"command", "train"},
            {"corpus", corpus.path().string()},
            {"recipe", recipe.name},
            {"corpus_seed", corpus.info().seed},
            {"options", to_json(options)},
            {"parameters", parameter_count(network)},
            {"best_epoch", result.best_epoch},
            {"seconds", seconds},
            {"epochs", epochs},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

}  // namespace

TrainedModel train(const CorpusReader& corpus, const TrainOptions& options,
                   const std::function<void(std::int64_t, std::int64_t, int)>& progress,
                   const std::function<void(const EpochResult&)>& on_epoch) {
    check(options);
    if (!options.checkpoint.empty()) require_writable(options.checkpoint);
    const auto begin = std::chrono::steady_clock::now();
    const auto& info = corpus.info();
    // An imported corpus has no recipe, and none of its classes is known to be a hit.
    Recipe recipe;
    recipe.name = corpus.path().stem().string();
    if (info.import_note.empty()) recipe = parse_recipe(info.recipe_toml, corpus.path().string());

    TrainedModel model;
    auto& card = model.card;
    card.zoo_name = options.model;
    card.class_names = info.class_names;
    for (const auto& rule : recipe.classes) {
        if (rule.scene.crystal) card.hit_classes.push_back(rule.name);
    }
    card.view.size_px = options.view_size_px != 0 ? options.view_size_px : std::max(info.width_px, info.height_px);
    card.gain_adu_per_photon = info.response.gain_adu_per_photon;
    card.offset_adu = info.response.offset_adu;
    torch::manual_seed(options.seed);
    model.network = make_model(options.model, static_cast<int>(info.class_names.size()));

    const auto load = [&](Split split) {
        return load_image_set(corpus, corpus.indices(split), card.view, card.gain_adu_per_photon, card.offset_adu);
    };
    const auto train_images = load(Split::train);
    require_every_class(corpus, train_images.labels);
    const auto validation_images = load(Split::validation);
    if (validation_images.labels.empty()) {
        throw DataError(
            corpus.path().string() +
            ": no validation split (the best epoch is chosen by it). Give the recipe a validation_fraction.");
    }
    const auto corpus_id =
        recipe.name + ", seed " + std::to_string(info.seed) + ", " + std::to_string(info.image_count) + " images";
    const auto result = fit(*model.network, train_images, validation_images, options, corpus_id, progress, on_epoch);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    card.training =
        training_json(corpus, recipe, options, result, validation_images.labels, *model.network, seconds.count());
    return model;
}

}  // namespace braggbench
