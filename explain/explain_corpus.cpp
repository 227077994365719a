#include "explain/explain_corpus.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "classifiers/model.hpp"
#include "classifiers/parallel.hpp"
#include "classifiers/predictions.hpp"
#include "explain/causal_control.hpp"
#include "explain/curve_rows.hpp"
#include "explain/explained_network.hpp"
#include "explain/explanation_pictures.hpp"
#include "explain/null_peaks.hpp"
#include "explain/sanity.hpp"
#include "explain/subject.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

// Sixteen views of 512 x 512 keep a small network's activations and their gradients within some hundred megabytes.
constexpr std::size_t batch_images = 16;

void check(const ExplainedNetwork& network, const CorpusReader& corpus, const ExplainOptions& options) {
    const Head* head = network.class_head();
    if (head != nullptr && head->outputs != corpus.info().class_names) {
        throw UsageError(fmt::format(
            "the model cannot be explained on {} (its classes are {}, the corpus' are {}). Use "
            "a corpus of the recipe it was trained on.",
            corpus.path().string(), fmt::join(head->outputs, ", "), fmt::join(corpus.info().class_names, ", ")));
    }
    if (options.images_per_class < 1 || options.overlay_images < 0 || options.sanity_images < 0 ||
        options.curve_images < 0) {
        throw UsageError(fmt::format(
            "images per class = {}, images drawn = {}, for sanity = {}, for curves = {} (at least one image "
            "is needed, and none can be negative). Give positive numbers.",
            options.images_per_class, options.overlay_images, options.sanity_images, options.curve_images));
    }
}

// Classes have the truth of their images' peaks, attributes one of their own, values that of peaks.
std::string scored_label(const ExplainedNetwork& network) {
    const auto& output = network.output();
    return output && output->head == "attributes" ? output->name : std::string();
}

std::vector<Image<float>> photons_of(const std::vector<Subject>& subjects) {
    std::vector<Image<float>> photons;
    for (const Subject& subject : subjects) photons.push_back(subject.image.view.photons);
    return photons;
}

// Everything of one model and corpus that stays the same from image to image.
struct Job {
    const CorpusReader& corpus;
    const ExplainOptions& options;
    ExplainedNetwork network;
    MapScorer scorer;
    std::shared_ptr<Classifier> untrained;

    Job(const TrainedModel& model, const CorpusReader& corpus_read, const ExplainOptions& explain_options)
        : corpus(corpus_read),
          options(explain_options),
          network(model, options.output),
          scorer(corpus,
                 {model.card.view, scored_label(network), options.nulls_per_image, options.localisation, options.seed}),
          untrained(network.fresh(options.seed)) {
        check(network, corpus, options);
    }
    [[nodiscard]] unsigned threads() const { return static_cast<unsigned>(std::max(options.threads, 0)); }
    [[nodiscard]] AttributionOptions attribution(const std::vector<Subject>& subjects) const {
        AttributionOptions result;
        result.methods = options.methods;
        result.stages = options.stages;
        result.seed = options.seed;
        for (const Subject& subject : subjects) result.references.push_back(subject.substrate.median);
        return result;
    }
};

std::vector<Subject> make_subjects(const Job& job, std::span<const std::int64_t> indices) {
    std::vector<Subject> subjects(indices.size());
    for_each_index(
        static_cast<std::int64_t>(indices.size()),
        [&](std::int64_t k) {
            const auto i = static_cast<std::size_t>(k);
            ScoredImage image = job.scorer.image(indices[i]);
            const TargetSet& removed = removed_targets(image);
            Substrate substrate =
                make_substrate(image.view.photons, image.view.valid, removed.truth, image.beam_fast_px,
                               image.beam_slow_px, job.options.seed, static_cast<std::uint64_t>(indices[i]));
            subjects[i] = {std::move(image), std::move(substrate), {}, 0, {}, {}, {}};
        },
        job.threads());
    return subjects;
}

void add_maps(const Job& job, std::vector<Subject>& subjects) {
    const std::vector<Image<float>> photons = photons_of(subjects);
    const auto answers = job.network.answers(job.network.logits(photons));
    std::vector<int> outputs;
    std::vector<int> wrong_outputs;
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        subjects[i].predicted = answers[i].predicted;
        subjects[i].explained_output = answers[i].explained;
        outputs.push_back(answers[i].explained);
        if (answers[i].least_likely) wrong_outputs.push_back(*answers[i].least_likely);
    }
    AttributionOptions options = job.attribution(subjects);
    const auto add = [&](std::vector<StageMap> Subject::*list, Classifier& network,
                         const std::vector<int>& of_outputs) {
        auto maps = attribute(network, photons, of_outputs, options);
        for (std::size_t i = 0; i < subjects.size(); ++i) subjects[i].*list = std::move(maps[i]);
    };
    add(&Subject::trained, job.network.network(), outputs);
    if (job.untrained) add(&Subject::untrained, *job.untrained, outputs);
    std::erase_if(options.methods,
                  [](AttributionMethod method) { return method_entry(method).cost == MethodCost::many_passes; });
    if (wrong_outputs.size() == subjects.size()) add(&Subject::wrong_class, job.network.network(), wrong_outputs);
}

// The scores of the explained output as the user knows it, and raw.
struct OutputScores {
    std::vector<double> probability;
    std::vector<double> raw;
};
OutputScores output_scores(const Job& job, const std::vector<Image<float>>& images, int output) {
    const torch::Tensor logits = job.network.logits(images);
    const auto column = [output](const torch::Tensor& values) {
        const torch::Tensor chosen = values.select(1, output).to(torch::kFloat64).contiguous();
        return std::vector<double>(chosen.data_ptr<double>(), chosen.data_ptr<double>() + chosen.numel());
    };
    return {column(job.network.scores(logits)), column(logits)};
}

std::optional<CausalSample> causal_sample(const Job& job, const Subject& subject) {
    const TargetSet& removed = removed_targets(subject.image);
    if (job.scorer.truth() == LabelTruth::ice_rings || removed.truth.pixels.empty() || removed.nulls.empty()) {
        return std::nullopt;
    }
    const OutputScores scores = output_scores(
        job, causal_images(subject.image.view.photons, subject.substrate.noisy, removed), subject.explained_output);
    return CausalSample{subject.image.class_index, causal_control(scores.probability), causal_control(scores.raw)};
}

nlohmann::json sanity_of(const Job& job, const std::vector<std::int64_t>& chosen) {
    const auto wanted = std::min(static_cast<std::size_t>(job.options.sanity_images), chosen.size());
    if (wanted == 0) return nullptr;
    // Spread evenly over the chosen ones, and so over the classes.
    std::vector<std::int64_t> indices;
    for (std::size_t i = 0; i < wanted; ++i) indices.push_back(chosen[i * chosen.size() / wanted]);
    const std::vector<Subject> subjects = make_subjects(job, indices);
    SanityImages images{photons_of(subjects), {}, job.attribution(subjects)};
    for (const auto& answer : job.network.answers(job.network.logits(images.photons))) {
        images.outputs.push_back(answer.explained);
    }
    std::vector<SanityRow> rows;
    if (const auto scratch = job.network.fresh(job.options.seed)) {
        rows = randomisation_check(job.network.network(), *job.untrained, *scratch, images);
    }
    if (job.options.shuffled != nullptr) {
        std::ranges::move(label_check(job.network.network(), *job.network.alike(job.options.shuffled->network), images),
                          std::back_inserter(rows));
    }
    return sanity_json(rows, job.options.seed);
}

struct Tally {
    std::vector<MapRow> rows;
    std::vector<std::int64_t> without_gradient;  // per listed map
    std::vector<CausalSample> causal;
    CurveRows curves;
    std::int64_t undefined = 0;
    std::int64_t right = 0;
    std::int64_t wrong = 0;
    std::size_t fewest_nulls = 0;
};

void add_batch(Tally& tally, const Job& job, const std::vector<Subject>& subjects) {
    std::vector<std::vector<NamedScore>> scores(subjects.size());
    for_each_index(
        static_cast<std::int64_t>(subjects.size()),
        [&](std::int64_t k) {
            scores[static_cast<std::size_t>(k)] = score_subject(job.scorer, subjects[static_cast<std::size_t>(k)]);
        },
        job.threads());
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        const Subject& subject = subjects[i];
        append(tally.rows, std::move(scores[i]));
        const std::vector<ListedMap> listed = listed_maps(subject);
        tally.without_gradient.resize(listed.size());
        for (std::size_t map = 0; map < listed.size(); ++map) {
            tally.without_gradient[map] += listed[map].map->status == AttributionStatus::no_gradient ? 1 : 0;
        }
        tally.undefined += subject.image.is_defined() ? 0 : 1;
        if (subject.predicted) (*subject.predicted == subject.image.class_index ? tally.right : tally.wrong) += 1;
        if (subject.image.has_truth()) {
            tally.fewest_nulls = std::min(tally.fewest_nulls, subject.image.targets.nulls.size());
        }
        if (const auto sample = causal_sample(job, subject)) {
            tally.causal.push_back(*sample);
            if (tally.curves.images() < job.options.curve_images) {
                tally.curves.add(subject, job.options.seed, [&](const std::vector<Image<float>>& images) {
                    return output_scores(job, images, subject.explained_output).probability;
                });
            }
        }
    }
}

nlohmann::json rows_json(const Job& job, const Tally& tally, const nlohmann::json& sanity) {
    std::vector<nlohmann::json> objects(tally.rows.size());
    for_each_index(
        static_cast<std::int64_t>(objects.size()),
        [&](std::int64_t k) {
            const auto i = static_cast<std::size_t>(k);
            objects[i] = row_json(tally.rows[i], job.corpus.info().class_names, job.options.seed,
                                  job.options.localisation.other_radii_px);
            objects[i]["model"] = job.options.model_name;
            if (i >= tally.without_gradient.size()) return;
            objects[i]["no_gradient_maps"] = tally.without_gradient[i];
            const MapId& id = tally.rows[i].id;
            const auto method = parse_methods(std::vector{id.map}).front();
            objects[i]["fails_randomisation"] = fails_randomisation(method, id.stage, sanity);
        },
        job.threads());
    return objects;
}

}  // namespace

nlohmann::json explain_corpus(const TrainedModel& model, const CorpusReader& corpus, const ExplainOptions& options,
                              const std::function<void(std::int64_t, std::int64_t)>& progress) {
    const Job job(model, corpus, options);
    const std::vector<std::int64_t> chosen =
        choose_images(corpus.class_indices(), corpus.splits(), options.split, options.images_per_class, options.seed);
    if (chosen.empty()) {
        throw DataError(fmt::format("{} has no images to explain (its {} split is empty). Choose another split.",
                                    corpus.path().string(), split_name(options.split)));
    }
    MapFolder folder(options.maps_directory, options.model_name, model.card.view);
    Tally tally;
    tally.fewest_nulls = static_cast<std::size_t>(options.nulls_per_image);
    for (std::size_t begin = 0; begin < chosen.size(); begin += batch_images) {
        const std::size_t end = std::min(begin + batch_images, chosen.size());
        std::vector<Subject> subjects = make_subjects(job, std::span(chosen).subspan(begin, end - begin));
        add_maps(job, subjects);
        add_batch(tally, job, subjects);
        for (const Subject& subject : subjects) folder.append(subject);
        if (progress) progress(static_cast<std::int64_t>(end), static_cast<std::int64_t>(chosen.size()));
    }
    folder.finish();

    const nlohmann::json sanity = sanity_of(job, chosen);
    const nlohmann::json rows = rows_json(job, tally, sanity);
    if (options.on_row) {
        for (const MapRow& row : tally.rows) options.on_row(row, chosen);
    }
    const auto redraw = [&](std::int64_t image_index) {
        std::vector<Subject> subjects = make_subjects(job, std::span(&image_index, 1));
        add_maps(job, subjects);
        return std::move(subjects.front());
    };
    const nlohmann::json overlays = draw_overlays(tally.rows, rows, chosen, corpus.info().class_names, options, redraw);
    const auto& output = job.network.output();
    return {{"command", "explain"},
            {"model", options.model_name},
            {"corpus", corpus.path().string()},
            {"peaks", to_string(corpus.info().peak_source)},
            {"truth", to_string(job.scorer.truth())},
            {"split", split_name(options.split)},
            {"images", chosen.size()},
            {"undefined_images", tally.undefined},
            {"right_predictions", tally.right},
            {"wrong_predictions", tally.wrong},
            {"explained_class", output ? output->head + ":" + output->name : "predicted"},
            {"radius_px", options.localisation.radius_px},
            {"top_share", options.localisation.top_share},
            {"nulls_per_image", options.nulls_per_image},
            {"fewest_nulls", tally.fewest_nulls},
            {"seed", options.seed},
            {"causal_control", causal_json(tally.causal, corpus.info().class_names, options.seed)},
            {"curves", tally.curves.json(options.seed)},
            {"sanity", sanity},
            {"overlays", overlays},
            {"rows", rows},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

nlohmann::json merge_explanations(const std::vector<nlohmann::json>& explanations) {
    if (explanations.size() == 1) return explanations.front();
    nlohmann::json merged;
    merged["rows"] = nlohmann::json::array();
    merged["overlays"] = nlohmann::json::array();
    merged["models"] = nlohmann::json::array();
    for (const char* shared : {"command", "corpus", "peaks", "split", "images", "radius_px", "top_share",
                               "nulls_per_image", "seed", "provenance"}) {
        merged[shared] = explanations.at(0).at(shared);
    }
    for (nlohmann::json explanation : explanations) {
        for (const char* list : {"rows", "overlays"}) {
            for (const nlohmann::json& item : explanation.at(list)) merged[list].push_back(item);
            explanation.erase(list);
        }
        merged["models"].push_back(std::move(explanation));
    }
    return merged;
}

}  // namespace braggbench
