#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>

#include "bench/commands/commands.hpp"
#include "bench/commands/options.hpp"
#include "bench/progress.hpp"
#include "bench/report/inside_page.hpp"
#include "bench/text_tables.hpp"
#include "explain/inside/look_inside.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct LookInsideCommand {
    std::filesystem::path corpus;
    std::filesystem::path model;
    std::filesystem::path output;
    bool json = false;
    LookOptions options;
};

// True if it was not there before.
bool make_folder(const std::filesystem::path& folder) {
    if (std::filesystem::exists(folder) && !std::filesystem::is_directory(folder)) {
        throw UsageError(fmt::format("{}: not a folder (several files are written). Name a folder.", folder.string()));
    }
    std::error_code failure;
    const bool made = std::filesystem::create_directory(folder, failure);
    if (failure) {
        throw DataError(fmt::format("cannot make {} ({}). Give an output in a folder that can be written.",
                                    folder.string(), failure.message()));
    }
    return made;
}

void run_look_inside(LookInsideCommand command, const CommonOptions& common) {
    auto& options = command.options;
    const TrainedModel model = load_model(command.model);
    std::optional<CorpusReader> corpus;
    if (!command.corpus.empty()) corpus.emplace(command.corpus);
    options.model_name = command.model.stem().string();
    options.threads = common.threads;
    if (!command.output.has_filename()) command.output = command.output.parent_path();
    options.output_directory = command.output;
    const bool made = make_folder(command.output);
    std::optional<Progress> progress;
    std::string at_work;
    nlohmann::json result;
    try {
        result = look_inside(model, corpus ? &*corpus : nullptr, options,
                             [&](const std::string& what, std::int64_t done, std::int64_t total) {
                                 if (what != at_work) {
                                     progress.emplace("look-inside: " + what, what == "inverting" ? "steps" : "images",
                                                      common.quiet);
                                 }
                                 at_work = what;
                                 progress->update(done, total);
                             });
    } catch (const std::exception&) {
        std::error_code ignored;
        if (made) std::filesystem::remove(command.output, ignored);  // where nothing was written yet
        throw;
    }
    progress.reset();
    replace_file(command.output / "inside.json", result.dump(2) + "\n");
    replace_file(command.output / "inside.html", inside_html(result, command.output));
    std::cout << (command.json ? result.dump(2) + "\n" : inside_table(result));
}

}  // namespace

void add_look_inside(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<LookInsideCommand>();
    auto& o = command->options;
    auto* sub = app.add_subcommand(
        "look-inside",
        "what a network is made of: filters, feature maps, maps that are dead and why, and what can be made again\n"
        "of an image from every stage, beside the same network with random weights (docs/inside.md)\n\n"
        "  braggbench look-inside corpus.h5 --model model.pt -o inside\n"
        "writes a page (inside.html), the pictures in it (PNG) and all numbers (inside.json, docs/results.md).\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`; without it filters alone");
    sub->add_option("--model", command->model, "a file made by `braggbench train`, or TorchScript")->required();
    sub->add_option("-o,--output", command->output, "the folder to write to")->required();
    sub->add_option("--stage", o.stages, "stages that are drawn and inverted (default: all)")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub->add_option("--image", o.images, "images that are drawn (default: one of each class of the split)")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub->add_option("--maps", o.drawn_maps, "maps drawn of each stage, at most")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    sub->add_option("--counted", o.counted_images, "images over which dead maps are counted, at most")
        ->check(CLI::Range(1, 10000000))
        ->capture_default_str();
    sub->add_option("--epsilon", o.epsilon, "magnitudes up to it are taken for 0")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    sub->add_option("--inverted", o.inverted_images,
                    "how many of the drawn images are inverted, those with peaks first")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    sub->add_option("--steps", o.inversion.steps, "steps of each inversion")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    sub->add_option("--starts", o.inversion.starts, "inversions from different noise")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    sub->add_option("--tv", o.inversion.tv_weights, "weights of the total variation")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    sub->add_option("--seed", o.seed, "chooses images, noise and random weights")->capture_default_str();
    add_split_option(*sub, o.split);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_look_inside(*command, common); });
}

}  // namespace braggbench
