#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/commands/options.hpp"
#include "bench/progress.hpp"
#include "bench/text_tables.hpp"
#include "explain/explain_corpus.hpp"
#include "simulator/atomic_file.hpp"

namespace braggbench {

namespace {

struct ExplainCommand {
    std::filesystem::path corpus;
    std::filesystem::path model;
    std::filesystem::path output = "explanation.json";
    bool json = false;
    ExplainOptions options;
};

void run_explain(ExplainCommand command, const CommonOptions& common) {
    require_writable(command.output);
    const CorpusReader corpus(command.corpus);
    const TrainedModel model = load_model(command.model);
    command.options.threads = common.threads;
    command.options.output_directory = command.output.has_parent_path() ? command.output.parent_path() : ".";
    Progress progress("explain", "images", common.quiet);
    const nlohmann::json result = explain_corpus(
        model, corpus, command.options, [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    replace_file(command.output, result.dump(2) + "\n");
    std::cout << (command.json ? result.dump(2) + "\n" : explanation_table(result));
}

}  // namespace

void add_explain(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<ExplainCommand>();
    auto& o = command->options;
    auto* sub =
        app.add_subcommand("explain",
                           "attribution maps at every stage, scored against the true peaks beside their nulls,\n"
                           "baselines and the oracle's ceiling (docs/localisation.md)\n\n"
                           "  braggbench explain corpus.h5 --model model.pt -o explanation.json --overlays 8\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--model", command->model, "a file made by `braggbench train`")->required();
    sub->add_option("-o,--output", command->output, "the JSON file; overlays go beside it")->capture_default_str();
    sub->add_option("--images-per-class", o.images_per_class, "how many images of every class")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    sub->add_option("--nulls", o.nulls_per_image, "other images whose peaks give the null distribution")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    sub->add_option("--radius-px", o.localisation.radius_px, "radius of the disc around a true peak")
        ->check(CLI::Range(0.0, 64.0))
        ->capture_default_str();
    sub->add_option("--overlays", o.overlay_images, "images to draw with their maps and peaks")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    sub->add_option("--seed", o.seed, "chooses images, nulls and resamples")->capture_default_str();
    add_split_option(*sub, o.split);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_explain(*command, common); });
}

}  // namespace braggbench
