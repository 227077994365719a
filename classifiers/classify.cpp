#include "classifiers/classify.hpp"

#include <algorithm>
#include <cmath>

#include "classifiers/model.hpp"
#include "classifiers/spot_finder.hpp"
#include "simulator/error.hpp"

namespace braggbench {

nlohmann::json to_json(const Classification& classification, const ModelCard& card) {
    nlohmann::json probabilities = nlohmann::json::object();
    for (std::size_t c = 0; c < card.class_names.size(); ++c) {
        probabilities[card.class_names[c]] = classification.probabilities[c];
    }
    return {{"image", classification.image},
            {"class", classification.class_name},
            {"probabilities", probabilities},
            {"hit_probability", classification.hit_probability},
            {"is_hit", classification.is_hit},
            {"spot_count", classification.spot_count},
            {"gain_adu_per_photon", classification.gain_adu_per_photon},
            {"offset_adu", classification.offset_adu}};
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
    torch::Tensor probabilities;
    {
        const torch::InferenceMode inference;
        const auto input = torch::from_blob(view.photons.pixels.data(), {1, 1, card.view.size_px, card.view.size_px});
        probabilities = torch::softmax(model.network->forward(input), 1)[0].to(torch::kFloat64).contiguous();
    }

    Classification result;
    result.image = image.name;
    result.gain_adu_per_photon = gain;
    result.offset_adu = offset;
    result.probabilities.assign(probabilities.data_ptr<double>(),
                                probabilities.data_ptr<double>() + card.class_names.size());
    for (std::size_t c = 0; c < card.class_names.size(); ++c) {
        const bool counts =
            std::find(card.hit_classes.begin(), card.hit_classes.end(), card.class_names[c]) != card.hit_classes.end();
        if (counts) result.hit_probability += result.probabilities[c];
    }
    result.is_hit = result.hit_probability > 0.5;
    const auto most = std::max_element(result.probabilities.begin(), result.probabilities.end());
    result.class_name = card.class_names[static_cast<std::size_t>(most - result.probabilities.begin())];

    Image<float> photons = image.values;
    for (auto& value : photons.pixels) value = static_cast<float>((value - offset) / gain);
    result.spot_count = static_cast<int>(find_spots(photons, image.valid).size());
    return result;
}

}  // namespace braggbench
