#include "classifiers/train.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "classifiers/baselines.hpp"
#include "classifiers/fit.hpp"
#include "classifiers/metric.hpp"
#include "classifiers/predictions.hpp"
#include "classifiers/take_weights.hpp"
#include "datasets/recipe_stream.hpp"
#include "datasets/recipe_toml.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// What training takes its images from.
struct TrainingData {
    std::string origin;  // a path or stream, for messages
    const CorpusInfo& info;
    Recipe recipe;
    std::string id;  // tells sources apart
};

// Every class of one_of_n heads must be there to be learned.
void require_every_class(std::span<const Head> heads, const torch::Tensor& targets, const std::string& origin) {
    if (targets.size(0) == 0) {
        throw DataError(origin + ": no train split (there is nothing to learn from). Generate more images.");
    }
    std::int64_t column = 0;
    for (const auto& head : heads) {
        const auto first = column;
        column += static_cast<std::int64_t>(head.target_count());
        if (head.kind != HeadKind::one_of_n) continue;
        const auto counts = torch::bincount(targets.select(1, first).to(torch::kInt64), {},
                                            static_cast<std::int64_t>(head.outputs.size()));
        std::vector<std::string> missing;
        for (std::size_t c = 0; c < head.outputs.size(); ++c) {
            if (counts[static_cast<std::int64_t>(c)].item<std::int64_t>() == 0) missing.push_back(head.outputs[c]);
        }
        if (!missing.empty()) {
            throw DataError(
                fmt::format("{}: no image of '{}' in the train split (a class that is never seen cannot be "
                            "learned). Generate more images.",
                            origin, fmt::join(missing, "', '")));
        }
    }
}

// The share of the most frequent class of a head among these targets.
std::optional<double> majority_of(std::span<const Head> heads, const torch::Tensor& targets) {
    if (heads.front().kind != HeadKind::one_of_n) return std::nullopt;
    const auto counts = torch::bincount(targets.select(1, 0).to(torch::kInt64));
    return counts.max().item<double>() / static_cast<double>(targets.size(0));
}

nlohmann::json epoch_json(const EpochResult& epoch, std::span<const Head> heads, const torch::Tensor& validation) {
    auto json = to_json(epoch);
    if (heads.front().kind != HeadKind::one_of_n) return json;
    const auto count = validation.size(0);
    json["train_accuracy"] = epoch.train_scores.front();
    json["validation_accuracy"] = proportion(std::llround(epoch.validation_scores.front() * static_cast<double>(count)),
                                             count, majority_of(heads, validation));
    return json;
}

ModelCard make_card(const TrainingData& data, const TrainOptions& options, const HeadSource& source) {
    ModelCard card;
    card.zoo_name = options.model;
    card.heads = make_heads(options.heads, source);
    card.hit_classes = source.hit_classes;
    if (options.view.empty()) {
        card.view.size_px = std::max(data.info.width_px, data.info.height_px);
    } else {
        card.view = parse_view(options.view);
    }
    card.gain_adu_per_photon = data.info.response.gain_adu_per_photon;
    card.offset_adu = data.info.response.offset_adu;
    return card;
}

TrainedModel train_on(const TrainingData& data, ModelCard card, const TrainOptions& options, FitTask task,
                      const torch::Tensor& label_targets, const torch::Tensor& validation_targets,
                      const TrainCalls& calls) {
    TrainedModel model;
    model.card = std::move(card);
    task.heads = model.card.heads;
    task.corpus_id = data.id;
    if (options.class_weights == "balanced") task.weights = balanced_weights(label_targets, task.heads);
    task.weights.focal_gamma = options.focal_gamma;
    torch::manual_seed(options.seed);
    model.network = make_model(options.model, shape_of(model.card));
    if (!options.init.empty()) take_weights(options.init, *model.network, calls.note);
    if (!options.freeze_through.empty()) {
        const auto size = model.card.view.size_px;
        freeze_through(*model.network, options.freeze_through, torch::zeros({1, 1, size, size}));
    }
    const auto result = fit(*model.network, task, options, {calls.progress, calls.on_epoch});
    nlohmann::json epochs = nlohmann::json::array();
    for (const auto& epoch : result.epochs) epochs.push_back(epoch_json(epoch, task.heads, validation_targets));
    model.card.training = {{"command", "train"},
                           {"corpus", data.origin},
                           {"recipe", data.recipe.name},
                           {"corpus_seed", data.info.seed},
                           {"heads", model.card.heads},
                           {"options", to_json(options)},
                           {"images", result.images},
                           {"parameters", parameter_count(*model.network)},
                           {"best_epoch", result.best_epoch},
                           {"stopped", result.stopped},
                           {"seconds", result.seconds},
                           {"epochs", epochs},
                           {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
    return model;
}

void prepare(const TrainOptions& options) {
    validate(options);
    if (!options.checkpoint.empty()) require_writable(options.checkpoint);
}

FeedOptions feed_options(const ModelCard& card, const TrainOptions& options, double cache_share) {
    constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;
    return {card.view, card.gain_adu_per_photon, card.offset_adu,
            static_cast<std::size_t>(options.cache_gib * bytes_per_gib * cache_share)};
}

void require_validation(const ImageFeed& validation, const std::string& origin) {
    if (validation.row_count() > 0) return;
    throw DataError(origin +
                    ": no validation split (the best epoch is chosen by it). Give the recipe a validation_fraction.");
}

}  // namespace

TrainedModel train(const CorpusReader& corpus, const TrainOptions& options, const TrainCalls& calls) {
    prepare(options);
    const CorpusInfo& info = corpus.info();
    Recipe recipe;
    recipe.name = corpus.path().stem().string();
    if (info.import_note.empty()) recipe = parse_recipe(info.recipe_toml, corpus.path().string());
    TrainingData data{corpus.path().string(), info, std::move(recipe), ""};
    data.id = fmt::format("{}, seed {}, {} images", data.recipe.name, info.seed, info.image_count);
    ModelCard card = make_card(data, options, head_source(corpus));
    const auto targets = [&](Split split) { return as_tensor(truth_of(corpus, card.heads, corpus.indices(split))); };
    const auto train_targets = targets(Split::train);
    require_every_class(card.heads, train_targets, data.origin);
    standardise(card.heads, train_targets, data.origin);
    const auto feed = [&](Split split) {
        const auto indices = corpus.indices(split);
        const double share = static_cast<double>(indices.size()) / static_cast<double>(info.image_count);
        return corpus_feed(corpus, indices, card.heads, feed_options(card, options, share));
    };
    const ImageFeed train_images = feed(Split::train);
    const ImageFeed validation_images = feed(Split::validation);
    require_validation(validation_images, data.origin);
    FitTask task{{}, {}, [&](int) -> const ImageFeed& { return train_images; }, validation_images, {}};
    return train_on(data, card, options, std::move(task), train_targets, targets(Split::validation), calls);
}

TrainedModel train_on_stream(const Recipe& recipe, const TrainOptions& options, const TrainCalls& calls) {
    prepare(options);
    const CorpusInfo info = corpus_info(recipe);
    const auto corpus = std::make_shared<const RecipeSource>(recipe);
    const TrainingData data{
        "stream:" + recipe.name, info, recipe,
        fmt::format("stream of {}, seed {}, {} images an epoch", recipe.name, recipe.seed, recipe.image_count)};
    ModelCard card = make_card(data, options, head_source(recipe, info, data.origin));
    const auto feed = [&](std::shared_ptr<const RecipeSource> source, Split split, double cache_share) {
        std::vector<std::int64_t> indices;
        for (std::size_t i = 0; i < source->assignments().size(); ++i) {
            if (source->assignments()[i].split == split) indices.push_back(static_cast<std::int64_t>(i));
        }
        return recipe_feed(std::move(source), std::move(indices), card.heads, feed_options(card, options, cache_share));
    };
    const ImageFeed validation_images = feed(corpus, Split::validation, 1.0);
    require_validation(validation_images, data.origin);
    // Blocks are drawn by the same shares, so what the validation images say of labels holds for all.
    const auto validation_targets = validation_images.all_targets();
    require_every_class(card.heads, validation_targets, data.origin);
    standardise(card.heads, validation_targets, data.origin);
    std::optional<ImageFeed> fresh;
    const auto train_images = [&](int epoch) -> const ImageFeed& {
        auto block = std::make_shared<const RecipeSource>(stream_block(*corpus, static_cast<std::uint64_t>(epoch - 1)));
        fresh.emplace(feed(std::move(block), Split::train, 0.0));
        return *fresh;
    };
    FitTask task{{}, {}, train_images, validation_images, {}};
    return train_on(data, card, options, std::move(task), validation_targets, validation_targets, calls);
}

}  // namespace braggbench
