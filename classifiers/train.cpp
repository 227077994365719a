#include "classifiers/train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "classifiers/baselines.hpp"
#include "classifiers/fit.hpp"
#include "classifiers/image_set.hpp"
#include "classifiers/metric.hpp"
#include "classifiers/predictions.hpp"
#include "datasets/recipe_stream.hpp"
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

// What training takes its images from.
struct TrainingData {
    std::string origin;  // a path or stream, for messages
    const CorpusInfo& info;
    Recipe recipe;
    std::string id;  // tells sources apart
};

void require_every_class(const TrainingData& data, const std::vector<int>& train_labels) {
    const auto& names = data.info.class_names;
    std::string missing;
    for (std::size_t c = 0; c < names.size(); ++c) {
        if (std::find(train_labels.begin(), train_labels.end(), static_cast<int>(c)) != train_labels.end()) continue;
        missing += (missing.empty() ? "'" : ", '") + names[c] + "'";
    }
    if (!missing.empty()) {
        throw DataError(data.origin + ": no image of " + missing +
                        " in the train split (a class that is never seen cannot be learned). Generate more images.");
    }
}

nlohmann::json training_json(const TrainingData& data, const TrainOptions& options, const FitResult& result,
                             const std::vector<int>& validation_labels, const Classifier& network, double seconds) {
    const auto shares = class_shares(validation_labels, static_cast<int>(data.info.class_names.size()));
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
            {"corpus", data.origin},
            {"recipe", data.recipe.name},
            {"corpus_seed", data.info.seed},
            {"options", to_json(options)},
            {"parameters", parameter_count(network)},
            {"best_epoch", result.best_epoch},
            {"seconds", seconds},
            {"epochs", epochs},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

ModelCard make_card(const TrainingData& data, const TrainOptions& options) {
    ModelCard card;
    card.zoo_name = options.model;
    const HeadSource source = head_source(data.recipe, data.info, data.origin);
    card.heads = make_heads(std::vector<std::string>{"class"}, source);
    card.hit_classes = source.hit_classes;
    card.view.size_px =
        options.view_size_px != 0 ? options.view_size_px : std::max(data.info.width_px, data.info.height_px);
    card.gain_adu_per_photon = data.info.response.gain_adu_per_photon;
    card.offset_adu = data.info.response.offset_adu;
    return card;
}

TrainedModel train_on(const TrainingData& data, ModelCard card, const TrainOptions& options,
                      const EpochImages& train_images, const ImageSet& validation_images,
                      const std::function<void(std::int64_t, std::int64_t, int)>& progress,
                      const std::function<void(const EpochResult&)>& on_epoch) {
    const auto begin = std::chrono::steady_clock::now();
    if (validation_images.labels.empty()) {
        throw DataError(
            data.origin +
            ": no validation split (the best epoch is chosen by it). Give the recipe a validation_fraction.");
    }
    TrainedModel model;
    model.card = std::move(card);
    torch::manual_seed(options.seed);
    model.network = make_model(options.model, shape_of(model.card));
    const auto result = fit(*model.network, train_images, validation_images, options, data.id, progress, on_epoch);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    model.card.training =
        training_json(data, options, result, validation_images.labels, *model.network, seconds.count());
    return model;
}

void prepare(const TrainOptions& options) {
    check(options);
    if (!options.checkpoint.empty()) require_writable(options.checkpoint);
}

}  // namespace

TrainedModel train(const CorpusReader& corpus, const TrainOptions& options,
                   const std::function<void(std::int64_t, std::int64_t, int)>& progress,
                   const std::function<void(const EpochResult&)>& on_epoch) {
    prepare(options);
    const CorpusInfo& info = corpus.info();
    // An imported corpus has no recipe, and none of its classes is known to be a hit.
    Recipe recipe;
    recipe.name = corpus.path().stem().string();
    if (info.import_note.empty()) recipe = parse_recipe(info.recipe_toml, corpus.path().string());
    TrainingData data{corpus.path().string(), info, std::move(recipe), ""};
    data.id =
        data.recipe.name + ", seed " + std::to_string(info.seed) + ", " + std::to_string(info.image_count) + " images";
    ModelCard card = make_card(data, options);
    const auto load = [&](Split split) {
        return load_image_set(corpus, corpus.indices(split), card.view, card.gain_adu_per_photon, card.offset_adu);
    };
    const ImageSet train_images = load(Split::train);
    require_every_class(data, train_images.labels);
    const ImageSet validation_images = load(Split::validation);
    return train_on(
        data, card, options, [&](int) -> const ImageSet& { return train_images; }, validation_images, progress,
        on_epoch);
}

TrainedModel train_on_stream(const Recipe& recipe, const TrainOptions& options,
                             const std::function<void(std::int64_t, std::int64_t, int)>& progress,
                             const std::function<void(const EpochResult&)>& on_epoch) {
    prepare(options);
    const CorpusInfo info = corpus_info(recipe);
    const RecipeSource corpus(recipe);
    const TrainingData data{"stream:" + recipe.name, info, recipe,
                            "stream of " + recipe.name + ", seed " + std::to_string(recipe.seed) + ", " +
                                std::to_string(recipe.image_count) + " images an epoch"};
    ModelCard card = make_card(data, options);
    const auto make = [&](const RecipeSource& source, Split split) {
        std::vector<std::int64_t> indices;
        for (std::size_t i = 0; i < source.assignments().size(); ++i) {
            if (source.assignments()[i].split == split) indices.push_back(static_cast<std::int64_t>(i));
        }
        return make_image_set(source, indices, card.view, card.gain_adu_per_photon, card.offset_adu);
    };
    const ImageSet validation_images = make(corpus, Split::validation);
    ImageSet fresh;
    const auto train_images = [&](int epoch) -> const ImageSet& {
        fresh = make(stream_block(corpus, static_cast<std::uint64_t>(epoch - 1)), Split::train);
        require_every_class(data, fresh.labels);
        return fresh;
    };
    return train_on(data, card, options, train_images, validation_images, progress, on_epoch);
}

}  // namespace braggbench
