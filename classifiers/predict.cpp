#include "classifiers/predict.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "classifiers/head_tensors.hpp"
#include "classifiers/image_feed.hpp"
#include "classifiers/model.hpp"

namespace braggbench {
namespace {

// Each thread takes whole images, from the file to the scores: operators that share a small batch among threads spend
// much of their time waiting for each other. More at once are slower, as their activations leave the cache.
constexpr int images_at_once = 4;
constexpr int batches_per_thread = 8;  // between two reports of progress

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
    predictions.scores.resize(rows.size());
    const auto predict_rows = [&](std::span<const std::int64_t> some) {
        const auto batch = images.batch(some);
        const torch::InferenceMode inference;
        const auto scores = scores_of(model.network->forward(batch.photons), predictions.heads).contiguous();
        const auto* values = scores.data_ptr<float>();
        for (const auto row : some) {
            predictions.scores[static_cast<std::size_t>(row)].assign(values, values + scores.size(1));
            values += scores.size(1);
        }
    };
    const auto wave = static_cast<std::size_t>(images_at_once * batches_per_thread * at::get_num_threads());
    for (std::size_t first = 0; first < rows.size(); first += wave) {
        const auto now = std::span(rows).subspan(first, std::min(wave, rows.size() - first));
        const auto batches = static_cast<std::int64_t>((now.size() + images_at_once - 1) / images_at_once);
        at::parallel_for(0, batches, 1, [&](std::int64_t begin, std::int64_t end) {
            for (auto i = begin; i < end; ++i) {
                const auto from = static_cast<std::size_t>(i * images_at_once);
                predict_rows(now.subspan(from, std::min<std::size_t>(images_at_once, now.size() - from)));
            }
        });
        if (progress) {
            progress(static_cast<std::int64_t>(first + now.size()), static_cast<std::int64_t>(rows.size()));
        }
    }
    return predictions;
}

}  // namespace braggbench
