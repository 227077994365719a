#include "classifiers/predict.hpp"

#include <algorithm>

#include "classifiers/head_tensors.hpp"
#include "classifiers/image_set.hpp"
#include "classifiers/model.hpp"

namespace braggbench {
namespace {

constexpr std::size_t batch_size = 32;
constexpr std::size_t chunk_size = 512;  // images held in memory at a time

}  // namespace

Predictions predict(const TrainedModel& model, const CorpusReader& corpus, Split split,
                    const std::function<void(std::int64_t, std::int64_t)>& progress) {
    Predictions predictions;
    predictions.model = model.card.zoo_name;
    predictions.heads = model.card.heads;
    predictions.split = split;
    predictions.image_indices = corpus.indices(split);
    const auto& indices = predictions.image_indices;
    truth_of(corpus, predictions.heads, {});
    const auto& response = corpus.info().response;
    const auto columns = output_count(predictions.heads);
    for (std::size_t chunk = 0; chunk < indices.size(); chunk += chunk_size) {
        const auto in_chunk = std::min(chunk_size, indices.size() - chunk);
        const auto images = load_image_set(corpus, std::span(indices).subspan(chunk, in_chunk), model.card.view,
                                           response.gain_adu_per_photon, response.offset_adu);
        for (std::size_t first = 0; first < in_chunk; first += batch_size) {
            std::vector<std::int64_t> rows;
            for (auto row = first; row < std::min(first + batch_size, in_chunk); ++row) {
                rows.push_back(static_cast<std::int64_t>(row));
            }
            const torch::InferenceMode inference;
            const auto scores =
                scores_of(model.network->forward(batch_of(images, rows)), predictions.heads).contiguous();
            const auto* values = scores.data_ptr<float>();
            for (std::size_t i = 0; i < rows.size(); ++i) {
                predictions.scores.emplace_back(values + i * columns, values + (i + 1) * columns);
            }
            if (progress) {
                progress(static_cast<std::int64_t>(chunk + first + rows.size()),
                         static_cast<std::int64_t>(indices.size()));
            }
        }
    }
    return predictions;
}

}  // namespace braggbench
