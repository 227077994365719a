#include "classifiers/predict.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "classifiers/head_tensors.hpp"
#include "classifiers/image_feed.hpp"
#include "classifiers/model.hpp"

namespace braggbench {
namespace {

constexpr std::size_t batch_size = 4;  // activations stay in the cache; larger ones are slower

}  // namespace

Predictions predict(const TrainedModel& model, const CorpusReader& corpus, Split split,
                    const std::function<void(std::int64_t, std::int64_t)>& progress) {
    Predictions predictions;
    predictions.model = model.card.zoo_name;
    predictions.heads = model.card.heads;
    predictions.split = split;
    predictions.image_indices = corpus.indices(split);
    truth_of(corpus, predictions.heads, {});
    const auto& response = corpus.info().response;
    const auto images =
        corpus_feed(corpus, predictions.image_indices, predictions.heads,
                    {model.card.view, response.gain_adu_per_photon, response.offset_adu, /*cache_bytes=*/0});
    std::vector<std::int64_t> rows(predictions.image_indices.size());
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    for (std::size_t first = 0; first < rows.size(); first += batch_size) {
        const auto count = std::min(batch_size, rows.size() - first);
        const auto batch = images.batch(std::span(rows).subspan(first, count));
        const torch::InferenceMode inference;
        const auto scores = scores_of(model.network->forward(batch.photons), predictions.heads).contiguous();
        const auto columns = static_cast<std::size_t>(scores.size(1));
        const auto* values = scores.data_ptr<float>();
        for (std::size_t i = 0; i < count; ++i) {
            predictions.scores.emplace_back(values + i * columns, values + (i + 1) * columns);
        }
        if (progress) progress(static_cast<std::int64_t>(first + count), static_cast<std::int64_t>(rows.size()));
    }
    return predictions;
}

}  // namespace braggbench
