#include "explain/inside/look_inside.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include "classifiers/model.hpp"
#include "classifiers/parallel.hpp"
#include "classifiers/predictions.hpp"
#include "datasets/view.hpp"
#include "explain/attribution/gradient_pass.hpp"
#include "explain/explained_network.hpp"
#include "explain/inside/inside_pictures.hpp"
#include "explain/inside/inversion_rows.hpp"
#include "explain/inside/layer_census.hpp"
#include "explain/inside/map_census.hpp"
#include "explain/map_scorer.hpp"
#include "explain/null_peaks.hpp"
#include "explain/random_stages.hpp"
#include "simulator/error.hpp"
#include "simulator/random.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// Activations of so many pixels of input at a time stay within some hundred megabytes in the largest networks.
constexpr std::int64_t pixels_at_once = 1 << 17;
constexpr std::size_t scale_images = 32;

const std::string features_row = "features";
const std::string outputs_row = "outputs";

nlohmann::json filters_json(const Classifier& network, const LookOptions& options) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& parameter : network.named_parameters()) {
        if (parameter.value().dim() != 4) continue;
        const torch::Tensor weights = parameter.value().detach().to(torch::kFloat32).contiguous();
        FilterBank bank;
        bank.name = parameter.key();
        if (bank.name.ends_with("weight")) bank.name.erase(bank.name.size() - 6);
        std::ranges::replace(bank.name, '/', '.');  // as TorchScript's parameters are named here
        while (bank.name.ends_with('.')) bank.name.pop_back();
        bank.outputs = static_cast<int>(weights.size(0));
        bank.inputs = static_cast<int>(weights.size(1));
        bank.height = static_cast<int>(weights.size(2));
        bank.width = static_cast<int>(weights.size(3));
        bank.weights.assign(weights.data_ptr<float>(), weights.data_ptr<float>() + weights.numel());
        const FilterPicture drawn = filter_picture(bank);
        const std::string file = "filters-" + bank.name + ".png";
        write_png(options.output_directory / file, drawn.picture);
        list.push_back({{"layer", bank.name},
                        {"outputs", bank.outputs},
                        {"inputs", bank.inputs},
                        {"height", bank.height},
                        {"width", bank.width},
                        {"scale", drawn.scale},
                        {"outputs_shown", drawn.outputs_shown},
                        {"inputs_shown", drawn.inputs_shown},
                        {"file", file}});
    }
    return list;
}

struct Job {
    const TrainedModel& model;
    const CorpusReader& corpus;
    const LookOptions& options;
    const LookProgress& progress;
    std::shared_ptr<Classifier> untrained;
    ImageFrame frame = image_frame(corpus.info());

    void report(const std::string& what, std::int64_t done, std::int64_t total) const {
        if (progress) progress(what, done, total);
    }
    [[nodiscard]] View view(std::int64_t image) const {
        const DetectorResponse& response = corpus.info().response;
        return make_view(*corpus.shared_image(image), frame, model.card.view, response.gain_adu_per_photon,
                         response.offset_adu);
    }
    [[nodiscard]] std::vector<Image<float>> photons(std::span<const std::int64_t> images) const {
        std::vector<Image<float>> views(images.size());
        for_each_index(
            static_cast<std::int64_t>(images.size()),
            [&](std::int64_t k) {
                const auto i = static_cast<std::size_t>(k);
                views[i] = view(images[i]).photons;
            },
            static_cast<unsigned>(std::max(options.threads, 0)));
        return views;
    }
    [[nodiscard]] int class_of(std::int64_t image) const {
        return corpus.class_indices()[static_cast<std::size_t>(image)];
    }
    // Of the class, and of every attribute that holds.
    [[nodiscard]] std::vector<std::size_t> groups_of(std::int64_t image) const {
        std::vector<std::size_t> groups = {static_cast<std::size_t>(class_of(image))};
        const auto& attributes = corpus.labels()[static_cast<std::size_t>(image)].attributes;
        for (std::size_t a = 0; a < attributes.size(); ++a) {
            if (attributes[a] == 1) groups.push_back(corpus.info().class_names.size() + a);
        }
        return groups;
    }
    [[nodiscard]] std::vector<std::string> group_names() const {
        std::vector<std::string> names = corpus.info().class_names;
        for (const std::string& attribute : corpus.info().labels.attributes) names.push_back("with " + attribute);
        return names;
    }
};

struct StageSize {
    std::string name;
    std::int64_t maps = 0;
    std::int64_t height = 0;
    std::int64_t width = 0;
    double stride_px = 1.0;
};

// Every stage of the network, and those of them that were asked for.
std::vector<StageSize> stages_of(const Job& job, std::int64_t image) {
    const torch::NoGradGuard no_gradients;
    const Trace trace = job.model.network->trace(to_batch({job.view(image).photons}));
    std::vector<StageSize> stages;
    for (const TraceStage& stage : trace.stages) {
        stages.push_back({stage.name, stage.activation.size(1), stage.activation.size(2), stage.activation.size(3),
                          stage.stride_px});
    }
    std::vector<std::string> known;
    for (const StageSize& stage : stages) known.push_back(stage.name);
    for (const std::string& name : job.options.stages) {
        if (std::ranges::find(known, name) != known.end()) continue;
        throw UsageError(fmt::format("stage '{}' (the network has none of that name). {}", name,
                                     known.empty() ? "Its stages are not known (docs/foreign-models.md): name none."
                                                   : fmt::format("Choose among: {}.", fmt::join(known, ", "))));
    }
    return stages;
}

std::vector<std::string> chosen_stages(const std::vector<StageSize>& stages, const LookOptions& options) {
    if (!options.stages.empty()) return options.stages;
    std::vector<std::string> names;
    for (const StageSize& stage : stages) names.push_back(stage.name);
    return names;
}

std::vector<std::int64_t> chosen_images(const Job& job) {
    std::vector<std::int64_t> images = job.options.images;
    if (images.empty()) {
        images = choose_images(job.corpus.class_indices(), job.corpus.splits(), job.options.split, 1, job.options.seed);
    }
    for (const std::int64_t image : images) {
        if (image >= 0 && image < job.corpus.info().image_count) continue;
        throw UsageError(fmt::format("image {} ({} has {} images). Give 0 to {}.", image, job.corpus.path().string(),
                                     job.corpus.info().image_count, job.corpus.info().image_count - 1));
    }
    if (images.empty()) {
        throw DataError(fmt::format("{} has no images to look at (its {} split is empty). Choose another split.",
                                    job.corpus.path().string(), split_name(job.options.split)));
    }
    return images;
}

// `count` of them, by the smallest keyed numbers: with a larger count images are added and none is changed.
std::vector<std::int64_t> counted_images(const Job& job) {
    std::vector<std::pair<std::uint32_t, std::int64_t>> keyed;
    for (std::int64_t image = 0; image < job.corpus.info().image_count; ++image) {
        RandomStream random(job.options.seed, static_cast<std::uint64_t>(image), stage_counted_images);
        keyed.emplace_back(random.bits(), image);
    }
    std::ranges::sort(keyed);
    keyed.resize(std::min(keyed.size(), static_cast<std::size_t>(job.options.counted_images)));
    std::vector<std::int64_t> images;
    for (const auto& [key, image] : keyed) images.push_back(image);
    std::ranges::sort(images);
    return images;
}

std::string labels_of(const Job& job, std::int64_t image) {
    std::string text = job.corpus.info().class_names[static_cast<std::size_t>(job.class_of(image))];
    const auto& attributes = job.corpus.labels()[static_cast<std::size_t>(image)].attributes;
    for (std::size_t a = 0; a < attributes.size(); ++a) {
        const std::string& name = job.corpus.info().labels.attributes[a];
        if (attributes[a] == 1 && text.find(name) == std::string::npos) text += ", " + name;
    }
    return text;
}

// A batch's stages, features and outputs as (N, maps, units).
std::vector<std::pair<std::string, torch::Tensor>> counted_tensors(const Trace& trace) {
    std::vector<std::pair<std::string, torch::Tensor>> tensors;
    const auto add = [&](const std::string& name, const torch::Tensor& values) {
        tensors.emplace_back(name, values.detach().to(torch::kFloat32).contiguous());
    };
    for (const TraceStage& stage : trace.stages) add(stage.name, stage.activation.flatten(2));
    if (trace.features.defined()) add(features_row, trace.features.unsqueeze(2));
    add(outputs_row, trace.logits.unsqueeze(2));
    return tensors;
}

std::span<const float> image_values(const torch::Tensor& tensor, std::size_t image) {
    const auto size = static_cast<std::size_t>(tensor.numel() / tensor.size(0));
    return {tensor.data_ptr<float>() + image * size, size};
}

nlohmann::json census_of(const Job& job, Classifier& network, const std::string& what,
                         const std::vector<std::int64_t>& images) {
    const EvaluationMode evaluation(network);
    std::vector<std::pair<std::string, MapCensus>> stages;
    LayerCensus layers;
    const Image<float> one = job.view(images.front()).photons;
    const auto batch = static_cast<std::size_t>(
        std::clamp<std::int64_t>(pixels_at_once / static_cast<std::int64_t>(one.size()), 1, 32));
    for (std::size_t begin = 0; begin < images.size(); begin += batch) {
        const auto some = std::span(images).subspan(begin, std::min(batch, images.size() - begin));
        const Trace trace = layers.trace(network, to_batch(job.photons(some)));
        const auto tensors = counted_tensors(trace);
        if (stages.empty()) {
            for (const auto& [name, values] : tensors) {
                stages.emplace_back(name,
                                    MapCensus(values.size(1), values.size(2), job.group_names(), job.options.epsilon));
            }
        }
        for_each_index(
            static_cast<std::int64_t>(stages.size()),
            [&](std::int64_t k) {
                const auto s = static_cast<std::size_t>(k);
                for (std::size_t i = 0; i < some.size(); ++i) {
                    stages[s].second.add(image_values(tensors[s].second, i), job.groups_of(some[i]));
                }
            },
            static_cast<unsigned>(std::max(job.options.threads, 0)));
        job.report(what, static_cast<std::int64_t>(begin + some.size()), static_cast<std::int64_t>(images.size()));
    }
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& [name, census] : stages) {
        rows.push_back(census.json(job.options.seed));
        rows.back()["stage"] = name;
    }
    return {{"stages", rows}, {"layers", layers.json(job.options.epsilon)}};
}

// Maps of one image and stage as a picture; `maps` (C, h, w).
nlohmann::json draw_maps(const Job& job, const torch::Tensor& maps, const std::string& stage, std::int64_t image,
                         const Image<float>& photons) {
    const torch::Tensor values = maps.to(torch::kFloat32).contiguous();
    const std::vector<bool> empty = empty_maps({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())},
                                               values.size(1) * values.size(2), job.options.epsilon);
    std::vector<FeatureMap> shown;
    const auto count = std::min<std::int64_t>(values.size(0), job.options.drawn_maps);
    for (std::int64_t m = 0; m < count; ++m) {
        shown.push_back({std::to_string(m), to_image(values, m), empty[static_cast<std::size_t>(m)]});
    }
    const std::string file = fmt::format("maps-{}-{}.png", image, stage);
    write_png(job.options.output_directory / file,
              feature_map_picture(photons, fmt::format("image {}: {}", image, labels_of(job, image)), shown));
    return {{"stage", stage},
            {"maps", values.size(0)},
            {"shown", count},
            {"empty", std::ranges::count(empty, true)},
            {"file", file}};
}

nlohmann::json drawn_json(const Job& job, const std::vector<std::int64_t>& images,
                          const std::vector<std::string>& stages) {
    nlohmann::json list = nlohmann::json::array();
    for (const std::int64_t image : images) {
        const Image<float> photons = job.view(image).photons;
        LayerCensus layers;
        const Trace trace = layers.trace(*job.model.network, to_batch({photons}));
        nlohmann::json files = nlohmann::json::array();
        if (layers.first_input().defined()) {
            files.push_back(draw_maps(job, layers.first_input()[0], "input", image, photons));
        }
        for (const TraceStage& stage : trace.stages) {
            if (std::ranges::find(stages, stage.name) == stages.end()) continue;
            files.push_back(draw_maps(job, stage.activation[0].detach(), stage.name, image, photons));
        }
        list.push_back({{"image", image},
                        {"class", job.corpus.info().class_names[static_cast<std::size_t>(job.class_of(image))]},
                        {"labels", labels_of(job, image)},
                        {"stages", files}});
        job.report("drawing maps", static_cast<std::int64_t>(list.size()), static_cast<std::int64_t>(images.size()));
    }
    return list;
}

// One image with its truth; without, where nobody has listed the corpus' peaks.
struct InvertedImage {
    std::int64_t image = 0;
    View view;
    TargetSet targets;
};

std::vector<InvertedImage> inverted_images(const Job& job, const std::vector<std::int64_t>& drawn) {
    std::optional<MapScorer> scorer;
    if (job.corpus.info().peak_source != PeakSource::unknown) {
        MapScorerOptions options;
        options.view = job.model.card.view;
        options.nulls_per_image = job.options.nulls_per_image;
        options.localisation.radius_px = job.options.radius_px;
        options.localisation.other_radii_px.clear();
        options.seed = job.options.seed;
        scorer.emplace(job.corpus, options);
    }
    std::vector<InvertedImage> images;
    for (const std::int64_t image : drawn) {
        if (scorer) {
            ScoredImage scored = scorer->image(image);
            images.push_back({image, std::move(scored.view), std::move(scored.targets)});
        } else {
            images.push_back({image, job.view(image), {}});
        }
    }
    std::ranges::stable_partition(images,
                                  [](const InvertedImage& image) { return !image.targets.truth.discs.empty(); });
    images.resize(std::min(images.size(), static_cast<std::size_t>(job.options.inverted_images)));
    return images;
}

InvertedStage score(const InvertedImage& image, int class_index, const std::string& network, const std::string& stage,
                    std::vector<Inversion> inversions) {
    InvertedStage result{image.image, class_index, network,
                         stage,       {},          spot_recall(image.view.photons, image.view.valid, image.targets)};
    for (Inversion& inversion : inversions) {
        ScoredInversion scored{std::move(inversion), 0.0, std::nullopt};
        if (scored.inversion.status == InversionStatus::ok) {
            scored.correlation = root_correlation(scored.inversion.photons, image.view.photons, image.view.valid);
            scored.recall = spot_recall(scored.inversion.photons, image.view.valid, image.targets);
        }
        result.inversions.push_back(std::move(scored));
    }
    return result;
}

nlohmann::json inversion_json(const Job& job, const std::vector<std::int64_t>& drawn,
                              const std::vector<std::string>& stages, const std::vector<std::int64_t>& counted) {
    if (job.options.inverted_images == 0 || stages.empty()) return nullptr;
    const std::vector<InvertedImage> images = inverted_images(job, drawn);
    const RootScale scale = root_scale(job.photons(std::span(counted).first(std::min(scale_images, counted.size()))));
    InversionOptions options = job.options.inversion;
    options.seed = job.options.seed;
    std::vector<std::pair<std::string, Classifier*>> networks = {{"trained", job.model.network.get()}};
    if (job.untrained) networks.emplace_back("untrained", job.untrained.get());

    std::int64_t done = 0;
    const auto total = static_cast<std::int64_t>(images.size() * networks.size() * stages.size()) * options.steps;
    std::vector<InvertedStage> inverted;
    nlohmann::json pictures = nlohmann::json::array();
    for (const InvertedImage& image : images) {
        for (const auto& [name, network] : networks) {
            const std::size_t first = inverted.size();
            for (const std::string& stage : stages) {
                const std::int64_t before = done;
                inverted.push_back(score(image, job.class_of(image.image), name, stage,
                                         invert(*network, stage, image.view.photons, scale, options,
                                                [&] { job.report("inverting", ++done, total); })));
                done = before + options.steps;  // also where there was nothing to do
                job.report("inverting", done, total);
            }
            std::vector<const InvertedStage*> shown;
            for (std::size_t s = first; s < inverted.size(); ++s) shown.push_back(&inverted[s]);
            const std::string file = fmt::format("inversion-{}-{}.png", image.image, name);
            write_png(job.options.output_directory / file,
                      inversion_picture(image.view.photons, fmt::format("image {}", image.image), shown));
            pictures.push_back(
                {{"image", image.image}, {"labels", labels_of(job, image.image)}, {"network", name}, {"file", file}});
        }
    }
    return {{"steps", options.steps},
            {"starts", options.starts},
            {"tv_weights", options.tv_weights},
            {"tv_beta", options.tv_beta},
            {"range_weight", options.range_weight},
            {"range_alpha", options.range_alpha},
            {"reach", options.reach},
            {"root_mean", scale.mean},
            {"root_deviation", scale.deviation},
            {"range", scale.range},
            {"radius_px", job.options.radius_px},
            {"nulls_per_image", job.options.nulls_per_image},
            {"passes", total * static_cast<std::int64_t>(options.tv_weights.size()) * options.starts},
            {"rows", inversion_rows(inverted, job.options.seed)},
            {"pictures", pictures}};
}

void check(const LookOptions& options) {
    if (options.drawn_maps < 1 || options.counted_images < 1 || options.inverted_images < 0 ||
        !(options.epsilon >= 0.0)) {
        throw UsageError(
            fmt::format("{} maps drawn, {} images counted, {} inverted, epsilon = {} (at least one map and image, and "
                        "nothing below 0). Give such numbers.",
                        options.drawn_maps, options.counted_images, options.inverted_images, options.epsilon));
    }
}

}  // namespace

nlohmann::json look_inside(const TrainedModel& model, const CorpusReader* corpus, const LookOptions& options,
                           const LookProgress& progress) {
    check(options);
    nlohmann::json result = {{"command", "look-inside"},
                             {"model", options.model_name},
                             {"network", model.card.zoo_name},
                             {"view", to_text(model.card.view)},
                             {"parameters", parameter_count(*model.network)},
                             {"seed", options.seed},
                             {"corpus", nullptr},
                             {"stages", nlohmann::json::array()},
                             {"drawn", nlohmann::json::array()},
                             {"census", nullptr},
                             {"inversion", nullptr},
                             {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
    if (corpus == nullptr) {
        if (!options.stages.empty() || !options.images.empty()) {
            throw UsageError("stages and images without a corpus (there is nothing to show them of). Name a corpus.");
        }
        result["filters"] = filters_json(*model.network, options);
        return result;
    }
    const Job job{model, *corpus, options, progress, untrained_network(model, options.seed)};
    const std::vector<std::int64_t> drawn = chosen_images(job);
    const std::vector<StageSize> sizes = stages_of(job, drawn.front());
    const std::vector<std::string> stages = chosen_stages(sizes, options);
    const std::vector<std::int64_t> counted = counted_images(job);
    result["corpus"] = corpus->path().string();
    for (const StageSize& stage : sizes) {
        result["stages"].push_back({{"name", stage.name},
                                    {"maps", stage.maps},
                                    {"height", stage.height},
                                    {"width", stage.width},
                                    {"stride_px", stage.stride_px}});
    }
    result["filters"] = filters_json(*model.network, options);
    result["drawn"] = drawn_json(job, drawn, stages);
    result["census"] = {
        {"images", counted.size()},
        {"images_in_corpus", corpus->info().image_count},
        {"epsilon", options.epsilon},
        {"bin_edges", census_bin_edges()},
        {"trained", census_of(job, *model.network, "counting maps", counted)},
        {"untrained", job.untrained ? census_of(job, *job.untrained, "counting maps of random weights", counted)
                                    : nlohmann::json()}};
    result["inversion"] = inversion_json(job, drawn, stages, counted);
    return result;
}

}  // namespace braggbench
