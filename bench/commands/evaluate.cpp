#include "classifiers/evaluate.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/commands/options.hpp"
#include "bench/progress.hpp"
#include "bench/text_tables.hpp"
#include "classifiers/predict.hpp"
#include "simulator/atomic_file.hpp"

namespace braggbench {

namespace {

struct EvaluateCommand {
    std::filesystem::path corpus;
    std::filesystem::path model;
    std::filesystem::path output;
    Split split = Split::test;
    bool json = false;
};

void run_evaluate(const EvaluateCommand& command, const CommonOptions& common) {
    if (!command.output.empty()) require_writable(command.output);
    const CorpusReader corpus(command.corpus);
    const TrainedModel model = load_model(command.model);
    Progress progress("evaluate", "images", common.quiet);
    const Predictions predictions = predict(
        model, corpus, command.split, [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    const nlohmann::json result = evaluation_json(predictions, corpus);
    if (!command.output.empty()) replace_file(command.output, result.dump(2) + "\n");
    if (command.json) {
        std::cout << result.dump(2) << '\n';
    } else {
        std::cout << evaluation_table(result);
    }
}

}  // namespace

void add_evaluate(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<EvaluateCommand>();
    auto* sub =
        app.add_subcommand("evaluate",
                           "a model on held-out images: accuracy, precision, recall, confusion, each with its 95 %\n"
                           "interval and its chance level\n\n"
                           "  braggbench evaluate corpus.h5 --model model.pt -o evaluation.json\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--model", command->model, "a file made by `braggbench train`")->required();
    sub->add_option("-o,--output", command->output, "also write the JSON here");
    add_split_option(*sub, command->split);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_evaluate(*command, common); });
}

}  // namespace braggbench
