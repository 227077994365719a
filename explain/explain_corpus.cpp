#include "explain/explain_corpus.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <utility>

#include "classifiers/evaluate.hpp"
#include "classifiers/model.hpp"
#include "classifiers/parallel.hpp"
#include "datasets/picture.hpp"
#include "explain/attribution.hpp"
#include "explain/explanation_rows.hpp"
#include "explain/map_baselines.hpp"
#include "explain/null_peaks.hpp"
#include "explain/overlay.hpp"
#include "explain/registration.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// Sixteen views of 512 x 512 keep a small network's activations and their gradients within some hundred megabytes.
constexpr std::size_t batch_images = 16;
// As coarse as the last stage of a stride-16 network at 256 px.
constexpr int random_coarse_units = 16;

// One image as it is explained: in the view's pixels.
struct Subject {
    std::int64_t image_index = 0;
    int class_index = 0;
    int predicted = 0;
    View view;
    double beam_fast_px = 0.0;
    double beam_slow_px = 0.0;
    std::vector<Peak> peaks;
    PeakTargets truth;
    std::vector<PeakTargets> nulls;
};

// Peaks by image, each read once: nulls share them.
class PeakStore {
public:
    explicit PeakStore(const CorpusReader& corpus) : corpus_(corpus) {}
    const std::vector<Peak>& visible(std::int64_t image) {
        const auto found = peaks_.find(image);
        if (found != peaks_.end()) {
            return found->second;
        }
        std::vector<Peak> peaks = corpus_.peaks(image);
        std::erase_if(peaks, [](const Peak& peak) { return !peak.visible; });
        return peaks_.emplace(image, std::move(peaks)).first->second;
    }

private:
    const CorpusReader& corpus_;
    std::map<std::int64_t, std::vector<Peak>> peaks_;
};

void check(const TrainedModel& model, const CorpusReader& corpus, const ExplainOptions& options) {
    const Head* head = find_head(model.card, "class");
    if (head == nullptr) {
        throw UsageError("the model has no head \"class\" (maps are made for the class it says). Train one with it.");
    }
    if (head->outputs != corpus.info().class_names) {
        throw UsageError(fmt::format(
            "the model cannot be explained on {} (its classes are {}, the corpus' are {}). Use "
            "a corpus of the recipe it was trained on.",
            corpus.path().string(), fmt::join(head->outputs, ", "), fmt::join(corpus.info().class_names, ", ")));
    }
    if (corpus.info().peak_source == PeakSource::unknown) {
        throw UsageError(
            fmt::format("{} was imported and nobody has listed its peaks (maps are scored against them). Use a "
                        "simulated corpus, or import files with a CXI peak list.",
                        corpus.path().string()));
    }
    if (options.images_per_class < 1 || options.nulls_per_image < 1 || options.overlay_images < 0) {
        throw UsageError(
            fmt::format("images per class = {}, nulls = {}, overlays = {} (at least one image and one null "
                        "are needed, and overlays cannot be negative). Give positive numbers.",
                        options.images_per_class, options.nulls_per_image, options.overlay_images));
    }
    constexpr int most_nulls = 65535;
    if (options.nulls_per_image > most_nulls) {
        throw UsageError(fmt::format("nulls = {} (at most {} are counted per pixel). Give fewer.",
                                     options.nulls_per_image, most_nulls));
    }
}

Subject make_subject(std::int64_t image_index, const TrainedModel& model, const CorpusReader& corpus, PeakStore& store,
                     const ExplainOptions& options) {
    const CorpusInfo& info = corpus.info();
    const auto at = static_cast<std::size_t>(image_index);
    const ImageTruth& truth = corpus.truth()[at];
    Subject subject;
    subject.image_index = image_index;
    subject.class_index = corpus.class_indices()[at];
    subject.view = make_view(corpus.image(image_index), model.card.view, info.response.gain_adu_per_photon,
                             info.response.offset_adu);
    const ViewPlacement& placement = subject.view.placement;
    subject.beam_fast_px = (truth.beam_fast_px - placement.fast_offset_px) / placement.factor;
    subject.beam_slow_px = (truth.beam_slow_px - placement.slow_offset_px) / placement.factor;
    const int size_px = model.card.view.size_px;
    const double radius_px = options.localisation.radius_px;
    subject.peaks = peaks_in_view(store.visible(image_index), placement, model.card.view);
    subject.truth = make_targets(subject.peaks, size_px, size_px, radius_px);
    if (subject.truth.discs.empty()) {
        return subject;
    }
    const std::vector<std::int64_t> nulls =
        choose_nulls(image_index, corpus.class_indices(), corpus.splits(), options.nulls_per_image, options.seed,
                     [&store](std::int64_t other) { return !store.visible(other).empty(); });
    for (const std::int64_t null : nulls) {
        const ImageTruth& other = corpus.truth()[static_cast<std::size_t>(null)];
        const std::vector<Peak> peaks =
            peaks_in_view(moved(store.visible(null), truth.beam_fast_px - other.beam_fast_px,
                                truth.beam_slow_px - other.beam_slow_px),
                          placement, model.card.view);
        subject.nulls.push_back(make_targets(peaks, size_px, size_px, radius_px));
    }
    return subject;
}

std::vector<Image<float>> photons_of(const std::vector<Subject>& subjects) {
    std::vector<Image<float>> photons;
    for (const Subject& subject : subjects) {
        photons.push_back(subject.view.photons);
    }
    return photons;
}

// The columns of the logits that are the head "class".
torch::Tensor class_logits(const torch::Tensor& logits, const ModelCard& card) {
    return logits.narrow(1, static_cast<std::int64_t>(output_offset(card.heads, "class")),
                         static_cast<std::int64_t>(find_head(card, "class")->outputs.size()));
}

void predict_classes(const TrainedModel& model, std::vector<Subject>& subjects) {
    const torch::NoGradGuard no_gradients;
    for (Subject& subject : subjects) {
        Image<float>& photons = subject.view.photons;
        const torch::Tensor input =
            torch::from_blob(photons.pixels.data(), {1, 1, photons.height, photons.width}, torch::kFloat32);
        subject.predicted =
            static_cast<int>(class_logits(model.network->forward(input), model.card).argmax(1).item<std::int64_t>());
    }
}

// Which of the logits each image is explained for: that of the class the network says.
std::vector<int> explained_outputs(const std::vector<Subject>& subjects, const ModelCard& card) {
    const auto offset = static_cast<int>(output_offset(card.heads, "class"));
    std::vector<int> outputs;
    for (const Subject& subject : subjects) {
        outputs.push_back(offset + subject.predicted);
    }
    return outputs;
}

// The same architecture with fresh weights; the caller's random state stays as it was. None of a network that is not
// ours to make anew.
std::shared_ptr<Classifier> untrained_network(const ModelCard& card, std::uint64_t seed) {
    const auto known = [&](const ZooEntry& entry) { return entry.name == card.zoo_name; };
    if (std::ranges::none_of(model_zoo(), known)) return nullptr;
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    const torch::Tensor state = generator.get_state();
    torch::manual_seed(seed);
    std::shared_ptr<Classifier> network = make_model(card.zoo_name, shape_of(card));
    generator.set_state(state);
    network->eval();
    return network;
}

struct ScoredMap {
    MapId id;
    LocalisationScores scores;
};

// Every map of one image with its score; the order is the same for all images of a job.
std::vector<ScoredMap> score_subject(const Subject& subject, const std::vector<StageMap>& trained,
                                     const std::vector<StageMap>& untrained, const ExplainOptions& options) {
    const Mask& valid = subject.view.valid;
    const int size_px = valid.width;
    const auto score = [&](const Image<float>& map) {
        return score_map(map, valid, subject.truth, subject.nulls, options.localisation);
    };

    std::vector<ScoredMap> oracles;
    const auto oracle_of = [&oracles](const std::string& stage) {
        return std::find_if(oracles.begin(), oracles.end(),
                            [&stage](const ScoredMap& candidate) { return candidate.id.stage == stage; });
    };
    const auto add_oracle = [&](const std::string& stage, const StageGrid& grid) {
        if (oracle_of(stage) == oracles.end()) {
            oracles.push_back({{"oracle", stage, "oracle", grid.stride_px}, score(oracle_map(subject.truth, grid))});
        }
    };
    add_oracle(input_stage, {size_px, size_px, 1.0, 0.0});
    for (const std::vector<StageMap>* maps : {&trained, &untrained}) {
        for (const StageMap& map : *maps) {
            add_oracle(map.stage, {map.map.width, map.map.height, map.stride_px, map.start_px});
        }
    }

    std::vector<ScoredMap> scored;
    const auto add = [&](const MapId& id, const Image<float>& map) {
        LocalisationScores scores = score(map);
        add_ceiling(scores, oracle_of(id.stage)->scores);
        scored.push_back({id, std::move(scores)});
    };
    for (const auto& [maps, kind] : {std::pair(&trained, "attribution"), std::pair(&untrained, "untrained")}) {
        for (const StageMap& map : *maps) {
            add({to_string(map.method), map.stage, kind, map.stride_px}, register_to_input(map, size_px, size_px));
        }
    }
    const auto image = static_cast<std::uint64_t>(subject.image_index);
    const Image<float>& photons = subject.view.photons;
    const auto baseline = [](const char* map) { return MapId{map, input_stage, "baseline", 1.0}; };
    scored.push_back(
        {baseline("uniform"), score_uniform_map(valid, subject.truth, subject.nulls, options.localisation)});
    add_ceiling(scored.back().scores, oracle_of(input_stage)->scores);
    add(baseline("random_pixels"), random_pixel_map(size_px, size_px, options.seed, image));
    add(baseline("random_coarse"),
        random_coarse_map(size_px, size_px, std::min(random_coarse_units, size_px), options.seed, image));
    add(baseline("radial_prior"), radial_prior_map(subject.nulls, valid, subject.beam_fast_px, subject.beam_slow_px));
    add(baseline("intensity"), intensity_map(photons, valid, subject.beam_fast_px, subject.beam_slow_px));
    add(baseline("difference_of_gaussians"),
        difference_of_gaussians_map(photons, valid, subject.beam_fast_px, subject.beam_slow_px));
    for (ScoredMap& oracle : oracles) {
        add_ceiling(oracle.scores, oracle.scores);
        scored.push_back(std::move(oracle));
    }
    return scored;
}

void append(std::vector<MapRow>& rows, const Subject& subject, std::vector<ScoredMap> scored) {
    if (rows.empty()) {
        for (const ScoredMap& map : scored) {
            rows.push_back({map.id, {}});
        }
    }
    for (std::size_t i = 0; i < scored.size(); ++i) {
        rows[i].images.push_back({subject.class_index, subject.predicted == subject.class_index,
                                  !subject.truth.discs.empty(), std::move(scored[i].scores)});
    }
}

nlohmann::json draw_overlays(const std::vector<MapRow>& rows, const nlohmann::json& row_objects,
                             const std::vector<std::int64_t>& chosen, const TrainedModel& model,
                             const CorpusReader& corpus, PeakStore& store, const ExplainOptions& options) {
    nlohmann::json overlays = nlohmann::json::array();
    const std::vector<std::size_t> drawn = rows_to_draw(rows, row_objects);
    if (options.overlay_images == 0 || drawn.empty()) {
        return overlays;
    }
    const std::filesystem::path folder = options.output_directory / "overlays";
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure) {
        throw DataError(fmt::format("cannot make {} ({}). Give an output in a folder that can be written.",
                                    folder.string(), failure.message()));
    }
    for (const std::size_t position : choose_shown(rows[drawn.front()], options.overlay_images)) {
        const std::int64_t image_index = chosen[position];
        std::vector<Subject> subjects{make_subject(image_index, model, corpus, store, options)};
        predict_classes(model, subjects);
        const Subject& subject = subjects.front();
        const auto maps = attribute(*model.network, photons_of(subjects), explained_outputs(subjects, model.card));
        for (const std::size_t row : drawn) {
            const MapId& id = rows[row].id;
            const auto map = std::find_if(maps[0].begin(), maps[0].end(), [&id](const StageMap& candidate) {
                return candidate.stage == id.stage && to_string(candidate.method) == id.map;
            });
            const std::string name = fmt::format("{}-{}-{}.png", image_index, id.stage, id.map);
            const int size_px = model.card.view.size_px;
            write_png(folder / name,
                      overlay_picture(subject.view.photons, subject.peaks, register_to_input(*map, size_px, size_px)));
            const std::optional<double> slift = rows[row].images[position].scores.slift;
            overlays.push_back({{"image", image_index},
                                {"class", corpus.info().class_names[static_cast<std::size_t>(subject.class_index)]},
                                {"predicted", corpus.info().class_names[static_cast<std::size_t>(subject.predicted)]},
                                {"map", id.map},
                                {"stage", id.stage},
                                {"slift", slift ? nlohmann::json(*slift) : nlohmann::json(nullptr)},
                                {"file", "overlays/" + name}});
        }
    }
    return overlays;
}

}  // namespace

nlohmann::json explain_corpus(const TrainedModel& model, const CorpusReader& corpus, const ExplainOptions& options,
                              const std::function<void(std::int64_t, std::int64_t)>& progress) {
    check(model, corpus, options);
    const std::vector<std::int64_t> chosen =
        choose_images(corpus.class_indices(), corpus.splits(), options.split, options.images_per_class, options.seed);
    if (chosen.empty()) {
        throw DataError(fmt::format("{} has no images to explain (its {} split is empty). Choose another split.",
                                    corpus.path().string(), split_name(options.split)));
    }
    PeakStore store(corpus);
    const std::shared_ptr<Classifier> untrained = untrained_network(model.card, options.seed);
    std::vector<MapRow> rows;
    std::int64_t undefined = 0;
    std::int64_t right = 0;
    std::size_t fewest_nulls = static_cast<std::size_t>(options.nulls_per_image);
    for (std::size_t begin = 0; begin < chosen.size(); begin += batch_images) {
        const std::size_t end = std::min(begin + batch_images, chosen.size());
        std::vector<Subject> subjects;
        for (std::size_t i = begin; i < end; ++i) {
            subjects.push_back(make_subject(chosen[i], model, corpus, store, options));
        }
        predict_classes(model, subjects);
        const std::vector<Image<float>> photons = photons_of(subjects);
        const std::vector<int> classes = explained_outputs(subjects, model.card);
        const auto trained_maps = attribute(*model.network, photons, classes);
        std::vector<std::vector<StageMap>> untrained_maps(subjects.size());
        if (untrained) untrained_maps = attribute(*untrained, photons, classes);
        std::vector<std::vector<ScoredMap>> scored(subjects.size());
        for_each_index(
            static_cast<std::int64_t>(subjects.size()),
            [&](std::int64_t k) {
                const auto i = static_cast<std::size_t>(k);
                scored[i] = score_subject(subjects[i], trained_maps[i], untrained_maps[i], options);
            },
            static_cast<unsigned>(std::max(options.threads, 0)));
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            const Subject& subject = subjects[i];
            const bool has_peaks = !subject.truth.discs.empty();
            undefined += has_peaks && !subject.nulls.empty() ? 0 : 1;
            right += subject.predicted == subject.class_index ? 1 : 0;
            if (has_peaks) {
                fewest_nulls = std::min(fewest_nulls, subject.nulls.size());
            }
            append(rows, subject, std::move(scored[i]));
        }
        if (progress) {
            progress(static_cast<std::int64_t>(end), static_cast<std::int64_t>(chosen.size()));
        }
    }

    nlohmann::json row_objects = nlohmann::json::array();
    for (const MapRow& row : rows) {
        row_objects.push_back(row_json(row, corpus.info().class_names, options.seed));
    }
    const nlohmann::json overlays = draw_overlays(rows, row_objects, chosen, model, corpus, store, options);
    return {{"command", "explain"},
            {"corpus", corpus.path().string()},
            {"peaks", to_string(corpus.info().peak_source)},
            {"split", split_name(options.split)},
            {"images", chosen.size()},
            {"undefined_images", undefined},
            {"right_predictions", right},
            {"wrong_predictions", static_cast<std::int64_t>(chosen.size()) - right},
            {"explained_class", "predicted"},
            {"radius_px", options.localisation.radius_px},
            {"top_share", options.localisation.top_share},
            {"nulls_per_image", options.nulls_per_image},
            {"fewest_nulls", fewest_nulls},
            {"seed", options.seed},
            {"overlays", overlays},
            {"rows", std::move(row_objects)},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

}  // namespace braggbench
