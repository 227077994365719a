#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>
#include <vector>

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
    std::vector<std::filesystem::path> models;
    std::filesystem::path shuffled_model;
    std::filesystem::path output = "explanation.json";
    std::vector<std::string> methods;
    bool json = false;
    ExplainOptions options;
};

void run_explain(ExplainCommand command, const CommonOptions& common) {
    require_writable(command.output);
    const CorpusReader corpus(command.corpus);
    ExplainOptions& options = command.options;
    if (!command.methods.empty()) options.methods = parse_methods(command.methods);
    options.threads = common.threads;
    options.output_directory = command.output.has_parent_path() ? command.output.parent_path() : ".";
    std::optional<TrainedModel> shuffled;
    if (!command.shuffled_model.empty()) {
        shuffled = load_model(command.shuffled_model);
        options.shuffled = &*shuffled;
    }
    std::vector<nlohmann::json> explanations;
    for (const std::filesystem::path& path : command.models) {
        const TrainedModel model = load_model(path);
        options.model_name = path.stem().string();
        Progress progress("explain " + options.model_name, "images", common.quiet);
        explanations.push_back(explain_corpus(
            model, corpus, options, [&](std::int64_t done, std::int64_t total) { progress.update(done, total); }));
    }
    const nlohmann::json result = merge_explanations(explanations);
    replace_file(command.output, result.dump(2) + "\n");
    std::cout << (command.json ? result.dump(2) + "\n" : explanation_table(result));
}

std::string method_help() {
    std::string help = "\nMethods (the default is grad_cam,hires_cam,layer_cam,saliency,input_x_gradient):\n";
    for (const MethodEntry& entry : attribution_methods()) {
        help += fmt::format("  {:<21} {}{}\n", entry.name, entry.description,
                            entry.fails_randomisation ? " (fails the randomisation check)" : "");
    }
    return help;
}

}  // namespace

void add_explain(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<ExplainCommand>();
    auto& o = command->options;
    auto* sub =
        app.add_subcommand("explain",
                           "attribution maps at every stage, scored against the true peaks beside their nulls,\n"
                           "baselines and the oracle's ceiling (docs/explanations.md, docs/localisation.md)\n\n"
                           "  braggbench explain corpus.h5 --model model.pt -o explanation.json --overlays 8\n");
    sub->footer(method_help());
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--model", command->models, "a file made by `braggbench train` or TorchScript; may be repeated")
        ->required()
        ->allow_extra_args(false);
    sub->add_option("-o,--output", command->output, "the JSON file; overlays go beside it")->capture_default_str();
    sub->add_option("--method", command->methods, "attribution methods, or all (default: those named below)")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub->add_option("--stage", o.stages, "stages of the network (default: all)")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub->add_option("--explained", o.output,
                    "class, label or value that is explained, or hit: that there is a crystal (default: the class that "
                    "the model says)");
    sub->add_option("--images-per-class", o.images_per_class, "how many images of every class")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    sub->add_option("--nulls", o.nulls_per_image, "other images whose peaks give the null distribution")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    sub->add_option("--radius-px", o.localisation.radius_px, "radius of the disc around a true peak")
        ->check(CLI::Range(0.0, 64.0))
        ->capture_default_str();
    sub->add_option("--sanity", o.sanity_images, "images whose maps are compared with those of random weights")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    sub->add_option("--shuffled-model", command->shuffled_model,
                    "the same network trained on shuffled labels, for comparison");
    sub->add_option("--curves", o.curve_images, "images whose pixels are deleted and inserted in every map's order")
        ->check(CLI::Range(0, 10000))
        ->capture_default_str();
    sub->add_option("--maps", o.maps_directory, "folder for the maps as HDF5 files (docs/map-files.md)");
    sub->add_option("--overlays", o.overlay_images, "images to draw with their maps and peaks")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    sub->add_option("--seed", o.seed, "chooses images, nulls and resamples")->capture_default_str();
    add_split_option(*sub, o.split);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_explain(*command, common); });
}

}  // namespace braggbench
