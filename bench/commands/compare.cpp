#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "bench/text_tables.hpp"
#include "classifiers/model_comparison.hpp"
#include "simulator/atomic_file.hpp"

namespace braggbench {

namespace {

struct CompareCommand {
    std::filesystem::path corpus;
    std::filesystem::path output;
    ModelComparisonOptions options;
    bool json = false;
};

void run_compare(CompareCommand command, const CommonOptions& common) {
    if (!command.output.empty()) require_writable(command.output);
    const CorpusReader corpus(command.corpus);
    command.options.threads = static_cast<unsigned>(common.threads);
    std::string shown;
    std::unique_ptr<Progress> progress;
    ModelComparisonCalls calls;
    calls.progress = [&](const std::string& model, const std::string& what, std::int64_t done, std::int64_t total) {
        if (const auto title = model + " " + what; title != shown) {
            progress.reset();
            progress = std::make_unique<Progress>(title, "images", common.quiet);
            shown = title;
        }
        progress->update(done, total);
    };
    calls.note = [&](const std::string& text) {
        if (progress) progress->note(text);
    };
    const auto result = compare_on_corpus(corpus, command.options, calls);
    progress.reset();
    if (!command.output.empty()) replace_file(command.output, result.dump(2) + "\n");
    std::cout << (command.json ? result.dump(2) + "\n" : comparison_table(result));
}

}  // namespace

void add_compare(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<CompareCommand>();
    auto& o = command->options;
    auto* sub = app.add_subcommand(
        "compare",
        "every model on one corpus: accuracy, cost and speed in one table, chance below\n\n"
        "  braggbench compare corpus.h5 -o comparison.json\n"
        "  braggbench compare corpus.h5 --models compact resnet18 glcm-forest peakfinder8 --minutes 5\n"
        "Each network trains for at most --minutes; what it came to is in the table. With --directory models are\n"
        "kept, and those that are there are not trained again: put one there that was trained on a GPU.\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--models", o.models, "of the zoo and the classical ones; default: all");
    sub->add_option("--view", o.view, "what networks see, such as downsample:max:128; default: all, as it is");
    sub->add_option("--minutes", o.minutes, "of training for each network")->capture_default_str();
    sub->add_option("--epochs", o.most_epochs, "at most")->capture_default_str();
    sub->add_option("--seed", o.seed, "keys initialisation, order and variation")->capture_default_str();
    sub->add_option("--directory", o.directory, "keep models here as NAME.model, and use those that are here");
    sub->add_option("--baseline-images", o.baseline_train_images, "so many train images for the baselines that look")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    sub->add_option("-o,--output", command->output, "also write the JSON here");
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_compare(*command, common); });
}

}  // namespace braggbench
