#include "classifiers/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/commands/options.hpp"
#include "bench/progress.hpp"
#include "bench/text_tables.hpp"
#include "classifiers/any_model.hpp"
#include "classifiers/peak_list.hpp"
#include "classifiers/predictions_file.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct EvaluateCommand {
    std::filesystem::path corpus;
    std::vector<std::filesystem::path> models;
    std::vector<std::filesystem::path> predictions;
    std::vector<std::filesystem::path> peaks;
    std::filesystem::path written_predictions;
    std::filesystem::path output;
    std::int64_t baseline_images = EvaluationOptions().baseline_train_images;
    Split split = Split::test;
    bool json = false;
};

std::vector<Predictions> all_predictions(const EvaluateCommand& command, const CorpusReader& corpus, bool quiet) {
    std::vector<Predictions> all;
    for (const auto& path : command.models) {
        Progress progress("evaluate", "images", quiet);
        all.push_back(predict_with_file(path, corpus, command.split,
                                        [&](std::int64_t done, std::int64_t total) { progress.update(done, total); }));
        if (command.models.size() > 1) all.back().model += fmt::format(" ({})", path.string());
    }
    for (const auto& path : command.predictions) all.push_back(read_predictions(path, corpus, command.split));
    for (const auto& path : command.peaks) {
        all.push_back(
            hits_by_peak_count(path.filename().string(), read_peak_counts(path, corpus), corpus, command.split));
    }
    return all;
}

void run_evaluate(const EvaluateCommand& command, const CommonOptions& common) {
    for (const auto& path : {command.output, command.written_predictions}) {
        if (!path.empty()) require_writable(path);
    }
    if (!command.written_predictions.empty()) require_predictions_ending(command.written_predictions);
    const auto given = command.models.size() + command.predictions.size() + command.peaks.size();
    if (given == 0) {
        throw UsageError(
            "nothing to evaluate (no model, predictions or peaks). Give --model, --predictions or --peaks.");
    }
    if (given > 1 && !command.written_predictions.empty()) {
        throw UsageError(
            fmt::format("--write-predictions with {} models (one file holds the predictions of one). Give one "
                        "of them.",
                        given));
    }
    const CorpusReader corpus(command.corpus);
    const auto predictions = all_predictions(command, corpus, common.quiet);
    if (!command.written_predictions.empty()) write_predictions(command.written_predictions, predictions.front());
    EvaluationOptions options;
    options.baseline_train_images = command.baseline_images;
    options.threads = static_cast<unsigned>(common.threads);
    const auto result = evaluation_json(predictions, corpus, options);
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
    auto* sub = app.add_subcommand(
        "evaluate",
        "models on held-out images: every score with its 95 % interval and chance\n\n"
        "  braggbench evaluate corpus.h5 --model model.pt -o evaluation.json\n"
        "  braggbench evaluate corpus.h5 --model model.pt --predictions theirs.csv --peaks peaks.csv\n"
        "Several are scored each and compared pair by pair. Predictions of others are CSV or HDF5\n"
        "(docs/predictions.md); peaks are what `find-peaks corpus.h5` writes, and as many make a hit as\n"
        "tell hits best on the validation images.\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--model", command->models, "a file made by `braggbench train`; repeatable")
        ->allow_extra_args(false);
    sub->add_option("--predictions", command->predictions, "a model's answers as CSV or HDF5; repeatable")
        ->allow_extra_args(false);
    sub->add_option("--peaks", command->peaks, "a spot finder's peaks as CSV or CXI; repeatable")
        ->allow_extra_args(false);
    sub->add_option("--write-predictions", command->written_predictions,
                    "also write the model's answers here, .csv, .h5 or .hdf5");
    sub->add_option("-o,--output", command->output, "also write the JSON here");
    sub->add_option("--baseline-images", command->baseline_images,
                    "so many train images for the baselines that look at images; 0 leaves them out")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    add_split_option(*sub, command->split);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_evaluate(*command, common); });
}

}  // namespace braggbench
