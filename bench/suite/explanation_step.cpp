#include "bench/suite/measures.hpp"
#include "bench/suite/steps.hpp"
#include "explain/explain_corpus.hpp"

namespace braggbench {
namespace {

// The images of which a score of a map is defined.
ImageValues defined(const MapRow& row, std::span<const std::int64_t> images,
                    std::optional<double> LocalisationScores::*score) {
    ImageValues values;
    for (std::size_t i = 0; i < row.images.size(); ++i) {
        if (const auto value = row.images[i].scores.*score) values.add(images[i], *value);
    }
    return values;
}

}  // namespace

StepResult run_explanation_step(const ExplanationStep& step, const ModelInput& model,
                                const std::filesystem::path& corpus, const StepWork& work) {
    const CorpusReader reader(corpus);
    const TrainedModel network = load_model(model.file);
    StepResult result;
    ExplainOptions options;
    options.model_name = step.model;
    options.methods = parse_methods(step.methods);
    options.stages = step.stages;
    options.output = step.explained;
    options.split = split_of(step.split);
    options.images_per_class = step.images_per_class;
    options.nulls_per_image = step.nulls;
    options.localisation = {.radius_px = step.radius_px};
    options.sanity_images = 0;
    options.seed = step.seed;
    options.threads = work.threads;
    options.on_row = [&](const MapRow& row, std::span<const std::int64_t> images) {
        const MapId& id = row.id;
        const bool of_network = id.kind == "attribution";
        if (!of_network && id.kind != "baseline" && id.kind != "oracle") return;
        const std::string prefix = (id.kind == "baseline" ? "baseline/" : "") + id.map + "/" + id.stage + "/";
        const MeasureMaker maker(reader, of_network ? model.weights : "");
        result.measures.push_back(maker.of(prefix + "slift", defined(row, images, &LocalisationScores::slift),
                                           Better::higher, 1.0, Statistic::median));
        result.measures.push_back(
            maker.of(prefix + "sauc", defined(row, images, &LocalisationScores::sauc), Better::higher, 0.5));
    };
    explain_corpus(network, reader, options, work.progress);
    return result;
}

}  // namespace braggbench
