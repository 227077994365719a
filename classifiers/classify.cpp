#include "classifiers/classify.hpp"

#include <algorithm>
#include <cmath>

#include "classifiers/head_tensors.hpp"
#include "classifiers/model.hpp"
#include "classifiers/spot_finder.hpp"
#include "simulator/error.hpp"

namespace braggbench {

nlohmann::json to_json(const Classification& classification, const ModelCard& card) {
    nlohmann::json answers = nlohmann::json::object();
    std::size_t output = 0;
    for (const auto& head : card.heads) {
        for (const auto& name : head.outputs) answers[head.name][name] = classification.scores[output++];
    }
    nlohmann::json json = {{"image", classification.image},
                           {"scores", answers},
                           {"spot_count", classification.spot_count},
                           {"gain_adu_per_photon", classification.gain_adu_per_photon},
                           {"offset_adu", classification.offset_adu}};
    if (!classification.class_name.empty()) json["class"] = classification.class_name;
    if (classification.hit_probability) {
        json["hit_probability"] = *classification.hit_probability;
        json["is_hit"] = *classification.hit_probability > 0.5;
    }
    return json;
}

Classification classify(const TrainedModel& model, const DetectorImage& image, const ClassifyOptions& options) {
    const auto& card = model.card;
    const double gain =
        options.gain_adu_per_photon.value_or(image.gain_adu_per_photon.value_or(card.gain_adu_per_photon));
    const double offset = options.offset_adu.value_or(image.offset_adu.value_or(card.offset_adu));
    if (!(gain > 0.0) || !std::isfinite(gain) || !std::isfinite(offset)) {
        throw UsageError("gain " + std::to_string(gain) + " ADU per photon, offset " + std::to_string(offset) +
                         " ADU (photons are (value - offset) / gain). Give a positive gain and a finite offset.");
    }
    if (std::none_of(image.valid.pixels.begin(), image.valid.pixels.end(), [](auto v) { return v != 0; })) {
        throw DataError(image.name + ": no valid pixel (all are masked). Check the image's mask.");
    }

    auto view = make_view(image, card.view, gain, offset);
    torch::Tensor scores;
    {
        const torch::InferenceMode inference;
        const auto input = torch::from_blob(view.photons.pixels.data(), {1, 1, card.view.size_px, card.view.size_px});
        scores = scores_of(model.network->forward(input), card.heads)[0].to(torch::kFloat64).contiguous();
    }

    Classification result;
    result.image = image.name;
    result.gain_adu_per_photon = gain;
    result.offset_adu = offset;
    result.scores.assign(scores.data_ptr<double>(), scores.data_ptr<double>() + scores.numel());
    if (const Head* head = find_head(card, "class")) {
        const auto first = result.scores.begin() + static_cast<std::ptrdiff_t>(output_offset(card.heads, head->name));
        const auto most = std::max_element(first, first + static_cast<std::ptrdiff_t>(head->outputs.size()));
        result.class_name = head->outputs[static_cast<std::size_t>(most - first)];
        if (!card.hit_classes.empty()) {
            result.hit_probability = 0.0;
            for (std::size_t c = 0; c < head->outputs.size(); ++c) {
                const bool counts = std::ranges::find(card.hit_classes, head->outputs[c]) != card.hit_classes.end();
                if (counts) *result.hit_probability += first[static_cast<std::ptrdiff_t>(c)];
            }
        }
    }
    if (find_head(card, "hit") != nullptr) result.hit_probability = result.scores[output_offset(card.heads, "hit") + 1];

    Image<float> photons = image.values;
    for (auto& value : photons.pixels) value = static_cast<float>((value - offset) / gain);
    result.spot_count = static_cast<int>(find_spots(photons, image.valid).size());
    return result;
}

}  // namespace braggbench
