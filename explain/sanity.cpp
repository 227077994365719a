#include "explain/sanity.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "classifiers/metric.hpp"
#include "classifiers/model.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/map_similarity.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using Maps = std::vector<std::vector<StageMap>>;
using NamedTensors = torch::OrderedDict<std::string, torch::Tensor>;

// As many images go through the network at a time.
constexpr std::size_t batch_images = 8;

std::string layer_of(const std::string& name) { return name.substr(0, name.find('.')); }

std::vector<std::string> layers_of(const Classifier& network) {
    std::vector<std::string> layers;
    for (const auto& parameter : network.named_parameters()) {
        const std::string layer = layer_of(parameter.key());
        if (std::ranges::find(layers, layer) == layers.end()) layers.push_back(layer);
    }
    return layers;
}

bool same_tensors(const NamedTensors& a, const NamedTensors& b) {
    return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
        return one.key() == other.key() && one.value().sizes() == other.value().sizes();
    });
}

void require_same(const Classifier& a, const Classifier& b) {
    if (same_architecture(a, b)) return;
    throw UsageError("networks of different architecture are compared. Give two of one kind and view.");
}

void copy_layer(const Classifier& from, Classifier& to, const std::string& layer) {
    const torch::NoGradGuard no_gradients;
    const auto copy = [&](const NamedTensors& source, const NamedTensors& target) {
        for (const auto& item : source) {
            if (layer_of(item.key()) == layer) target[item.key()].copy_(item.value());
        }
    };
    copy(from.named_parameters(), to.named_parameters());
    copy(from.named_buffers(), to.named_buffers());
}

Maps maps_of(Classifier& network, const SanityImages& images, const std::vector<AttributionMethod>& methods) {
    Maps maps;
    for (std::size_t begin = 0; begin < images.photons.size(); begin += batch_images) {
        const auto from = static_cast<std::ptrdiff_t>(begin);
        const auto to = static_cast<std::ptrdiff_t>(std::min(begin + batch_images, images.photons.size()));
        AttributionOptions options = images.attribution;
        options.methods = methods;
        if (!options.references.empty()) {
            options.references.assign(images.attribution.references.begin() + from,
                                      images.attribution.references.begin() + to);
        }
        Maps batch = attribute(network, {images.photons.begin() + from, images.photons.begin() + to},
                               {images.outputs.begin() + from, images.outputs.begin() + to}, options);
        std::ranges::move(batch, std::back_inserter(maps));
    }
    return maps;
}

// One row per kind of map that both networks have.
void compare(std::vector<SanityRow>& rows, const Maps& before, const Maps& after, Randomisation randomisation,
             const std::string& layer, bool everything) {
    if (after.empty()) return;
    for (const StageMap& kind : after.front()) {
        SanityRow row{kind.method, kind.stage, randomisation, layer, {}, 0, everything};
        for (std::size_t i = 0; i < after.size(); ++i) {
            const auto same_kind = [&](const StageMap& map) {
                return map.method == kind.method && map.stage == kind.stage;
            };
            const auto one = std::ranges::find_if(before[i], same_kind);
            const auto other = std::ranges::find_if(after[i], same_kind);
            if (const auto similarity = rank_similarity(one->map, other->map)) {
                row.similarity.push_back(*similarity);
            } else {
                ++row.undefined;
            }
        }
        rows.push_back(std::move(row));
    }
}

Metric metric_of(const std::vector<double>& similarity, std::uint64_t seed) {
    std::vector<Sample> samples;
    for (const double value : similarity) samples.push_back({0, value});
    const Estimate mean = estimate(samples, Statistic::mean, seed);
    return {mean.value, mean.ci95, mean.value ? std::optional(0.0) : std::nullopt};
}

}  // namespace

std::string to_string(Randomisation randomisation) {
    switch (randomisation) {
        case Randomisation::cascading:
            return "cascading";
        case Randomisation::independent:
            return "independent";
        case Randomisation::other_labels:
            return "other_labels";
    }
    throw std::logic_error("unknown randomisation");
}

bool same_architecture(const Classifier& a, const Classifier& b) {
    return same_tensors(a.named_parameters(), b.named_parameters()) &&
           same_tensors(a.named_buffers(), b.named_buffers());
}

std::vector<SanityRow> randomisation_check(Classifier& trained, const Classifier& fresh, Classifier& scratch,
                                           const SanityImages& images) {
    require_same(trained, fresh);
    require_same(trained, scratch);
    const std::vector<AttributionMethod>& all = images.attribution.methods;
    std::vector<AttributionMethod> quick;
    std::ranges::copy_if(all, std::back_inserter(quick),
                         [](AttributionMethod method) { return method_entry(method).cost != MethodCost::many_passes; });
    const Maps before = maps_of(trained, images, all);
    std::vector<std::string> layers = layers_of(trained);
    std::ranges::reverse(layers);
    std::vector<SanityRow> rows;

    for (const std::string& layer : layers) copy_layer(trained, scratch, layer);
    for (const std::string& layer : layers) {
        copy_layer(fresh, scratch, layer);
        compare(rows, before, maps_of(scratch, images, quick), Randomisation::independent, layer, layers.size() == 1);
        copy_layer(trained, scratch, layer);
    }
    for (const std::string& layer : layers) {
        copy_layer(fresh, scratch, layer);
        const bool everything = layer == layers.back();
        compare(rows, before, maps_of(scratch, images, everything ? all : quick), Randomisation::cascading, layer,
                everything);
    }
    return rows;
}

std::vector<SanityRow> label_check(Classifier& trained, Classifier& shuffled, const SanityImages& images) {
    require_same(trained, shuffled);
    std::vector<SanityRow> rows;
    const std::vector<AttributionMethod>& all = images.attribution.methods;
    compare(rows, maps_of(trained, images, all), maps_of(shuffled, images, all), Randomisation::other_labels, "",
            false);
    return rows;
}

nlohmann::json sanity_json(const std::vector<SanityRow>& rows, std::uint64_t seed) {
    nlohmann::json list = nlohmann::json::array();
    nlohmann::json verdicts = nlohmann::json::array();
    for (const SanityRow& row : rows) {
        const Metric similarity = metric_of(row.similarity, seed);
        list.push_back({{"map", to_string(row.method)},
                        {"stage", row.stage},
                        {"randomisation", to_string(row.randomisation)},
                        {"layer", row.layer.empty() ? nlohmann::json(nullptr) : nlohmann::json(row.layer)},
                        {"images", row.similarity.size()},
                        {"undefined_images", row.undefined},
                        {"spearman", similarity}});
        if (!row.everything || row.randomisation != Randomisation::cascading) continue;
        verdicts.push_back(
            {{"map", to_string(row.method)},
             {"stage", row.stage},
             {"spearman", similarity},
             {"fails_randomisation",
              similarity.value ? nlohmann::json(*similarity.value >= surviving_similarity) : nlohmann::json(nullptr)}});
    }
    return {{"threshold", surviving_similarity}, {"rows", list}, {"verdicts", verdicts}};
}

bool fails_randomisation(AttributionMethod method, const std::string& stage, const nlohmann::json& sanity) {
    if (method_entry(method).fails_randomisation) return true;
    if (!sanity.is_object()) return false;
    return std::ranges::any_of(sanity.at("verdicts"), [&](const nlohmann::json& verdict) {
        return verdict.at("map") == to_string(method) && verdict.at("stage") == stage &&
               verdict.at("fails_randomisation") == true;
    });
}

}  // namespace braggbench
