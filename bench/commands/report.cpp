#include "bench/report/report.hpp"

#include <fmt/format.h>

#include <fstream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/report/corpus_summary.hpp"
#include "classifiers/checkpoint.hpp"
#include "datasets/corpus.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct ReportCommand {
    std::filesystem::path corpus;
    std::filesystem::path model;
    std::filesystem::path evaluation;
    std::filesystem::path explanation;
    std::filesystem::path output = "report.html";
    std::vector<std::string> commands;
};

nlohmann::json read_json(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw DataError(
            fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", path.string()));
    try {
        return nlohmann::json::parse(file);
    } catch (const nlohmann::json::parse_error& error) {
        throw DataError(fmt::format("{}: is not JSON ({}). Write it again with `braggbench evaluate` or `explain`.",
                                    path.string(), error.what()));
    }
}

void run_report(const ReportCommand& command) {
    require_writable(command.output);
    const CorpusReader corpus(command.corpus);
    ReportInput input = report_input(corpus);
    if (!command.model.empty()) input.training = load_model(command.model).card.training;
    if (!command.evaluation.empty()) input.evaluation = read_json(command.evaluation);
    if (!command.explanation.empty()) {
        input.explanation = read_json(command.explanation);
        input.explanation_dir = command.explanation.parent_path();
    }
    input.commands = command.commands;
    write_report(command.output, input);
    fmt::print("{}\n", command.output.string());
}

}  // namespace

void add_report(CLI::App& app, const CommonOptions&) {
    auto command = std::make_shared<ReportCommand>();
    auto* sub = app.add_subcommand("report",
                                   "one HTML file that opens from disk, out of a corpus and the results on it\n\n"
                                   "  braggbench report corpus.h5 --model model.pt --evaluation evaluation.json \\\n"
                                   "      --explanation explanation.json -o report.html\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--model", command->model, "adds the learning curve");
    sub->add_option("--evaluation", command->evaluation, "adds accuracy, confusion and chance");
    sub->add_option("--explanation", command->explanation, "adds maps and their localisation scores");
    sub->add_option("--command", command->commands, "a command line to list as what made this; repeatable")
        ->allow_extra_args(false);
    sub->add_option("-o,--output", command->output, "the HTML file")->capture_default_str();
    sub->callback([command] { run_report(*command); });
}

}  // namespace braggbench
