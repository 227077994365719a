#include "explain/embed_corpus.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "classifiers/checkpoint.hpp"
#include "classifiers/classical/classical.hpp"
#include "classifiers/head_tensors.hpp"
#include "classifiers/image_feed.hpp"
#include "classifiers/model.hpp"

namespace braggbench {
namespace {

constexpr std::size_t batch_size = 4;  // activations stay in the cache; larger ones are slower

struct Answers {
    Predictions predictions;
    Points features;  // without rows where the model does not show them
};

bool needs_features(const EmbedOptions& options) {
    return std::ranges::find(options.spaces, Space::fea) != options.spaces.end();
}

void append(const torch::Tensor& rows, std::vector<std::vector<float>>& values) {
    const auto table = rows.to(torch::kFloat32).contiguous();
    const auto columns = static_cast<std::size_t>(table.size(1));
    for (std::int64_t i = 0; i < table.size(0); ++i) {
        const auto* row = table.data_ptr<float>() + static_cast<std::size_t>(i) * columns;
        values.emplace_back(row, row + columns);
    }
}

Answers ask_network(const TrainedModel& model, const CorpusReader& corpus, std::vector<std::int64_t> images,
                    const EmbedOptions& options, const EmbedProgress& progress) {
    Answers answers;
    answers.predictions = {model.card.zoo_name, model.card.heads, options.split, images, {}};
    truth_of(corpus, model.card.heads, {});
    const auto& response = corpus.info().response;
    const auto feed =
        corpus_feed(corpus, std::move(images), model.card.heads,
                    {model.card.view, response.gain_adu_per_photon, response.offset_adu, /*cache_bytes=*/0});
    std::vector<std::int64_t> rows(static_cast<std::size_t>(feed.row_count()));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    std::vector<std::vector<float>> features;
    for (std::size_t first = 0; first < rows.size(); first += batch_size) {
        const auto count = std::min(batch_size, rows.size() - first);
        const auto batch = feed.batch(std::span(rows).subspan(first, count));
        const torch::InferenceMode inference;
        const auto trace = model.network->trace(batch.photons);
        append(scores_of(trace.logits, model.card.heads), answers.predictions.scores);
        if (trace.features.defined()) {
            append(trace.features, features);
        } else if (needs_features(options)) {
            throw no_features(model.card.zoo_name);
        }
        if (progress) {
            progress("images", static_cast<std::int64_t>(first + count), static_cast<std::int64_t>(rows.size()));
        }
    }
    if (features.empty()) return answers;
    answers.features.resize(feed.row_count(), static_cast<Eigen::Index>(features.front().size()));
    for (Eigen::Index i = 0; i < answers.features.rows(); ++i) {
        answers.features.row(i) =
            Eigen::Map<const Eigen::RowVectorXf>(features[static_cast<std::size_t>(i)].data(), answers.features.cols())
                .cast<double>();
    }
    return answers;
}

Answers ask_classical(const TrainedClassical& model, const CorpusReader& corpus,
                      const std::vector<std::int64_t>& images, const EmbedOptions& options,
                      const EmbedProgress& progress) {
    if (needs_features(options)) throw no_features(model.card.model);
    Answers answers;
    auto& chosen = answers.predictions;
    chosen = predict_classical(
        model, corpus, options.split,
        [&](std::int64_t done, std::int64_t total) {
            if (progress) progress("images", done, total);
        },
        options.threads);
    // Both ascend.
    const auto all = std::move(chosen.scores);
    chosen.scores.clear();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (std::ranges::binary_search(images, chosen.image_indices[i])) chosen.scores.push_back(all[i]);
    }
    chosen.image_indices = images;
    return answers;
}

}  // namespace

Embedding embed_corpus(const std::filesystem::path& model, const CorpusReader& corpus, const EmbedOptions& options,
                       const EmbedProgress& progress) {
    const auto images = choose_embedded(corpus, options);
    const auto answers = is_classical_model(model)
                             ? ask_classical(load_classical(model), corpus, images, options, progress)
                             : ask_network(load_model(model), corpus, images, options, progress);
    return embed_predictions(corpus, answers.predictions, answers.features, options, progress);
}

}  // namespace braggbench
