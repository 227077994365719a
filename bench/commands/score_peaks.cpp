#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "bench/text_tables.hpp"
#include "classifiers/peak_benchmark.hpp"
#include "classifiers/peak_list.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct ScorePeaksCommand {
    std::filesystem::path corpus;
    std::vector<std::filesystem::path> lists;
    std::vector<std::string> finders;
    std::optional<double> threshold;
    std::optional<int> min_pixels;
    PeakBenchmarkOptions options;
    std::filesystem::path output;
    bool json = false;
};

void run_score_peaks(const ScorePeaksCommand& command, const CommonOptions& common) {
    if (!command.output.empty()) require_writable(command.output);
    const CorpusReader corpus(command.corpus);
    auto finders = command.finders;
    if (finders.empty() && command.lists.empty()) finders = peak_finder_names();
    std::vector<PeakContestant> contestants;
    for (const auto& name : finders) {
        FindPeaksOptions options;
        options.finder = peak_finder_of(name);
        if (command.threshold) options.peakfinder8.threshold = options.dispersion.global_threshold = *command.threshold;
        if (command.min_pixels) options.peakfinder8.min_pixels = options.dispersion.min_pixels = *command.min_pixels;
        Progress progress(name, "images", common.quiet);
        contestants.push_back(
            run_peak_finder(corpus, options, static_cast<unsigned>(common.threads),
                            [&](std::int64_t done, std::int64_t total) { progress.update(done, total); }));
    }
    for (const auto& path : command.lists) {
        contestants.push_back({path.stem().string(), read_peak_positions(path, corpus), std::nullopt});
    }
    const auto result = score_peak_lists(corpus, contestants, command.options);
    if (!command.output.empty()) replace_file(command.output, result.dump(2) + "\n");
    std::cout << (command.json ? result.dump(2) + "\n" : peak_scores_table(result));
}

}  // namespace

void add_score_peaks(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<ScorePeaksCommand>();
    auto* sub = app.add_subcommand(
        "score-peaks",
        "spot finders, ours and anyone's, against the true peaks: precision, recall, F1 with intervals and chance\n\n"
        "  braggbench score-peaks corpus.h5                       our three finders\n"
        "  braggbench score-peaks corpus.h5 --peaks dials.csv crystfel.stream --finder peakfinder8\n"
        "Lists are CSV (columns file, image, fast_px, slow_px, as `find-peaks` writes them), CXI or CrystFEL's\n"
        ".stream; examples/dials_peaks.py makes one with DIALS. A found peak is right within --radius of a visible\n"
        "true one; each true peak counts once. Scores are also given by signal-to-noise, resolution, spot size,\n"
        "background and class (docs/peak-finders.md).\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--peaks", command->lists, "lists of peaks of the whole corpus")->check(CLI::ExistingFile);
    sub->add_option("--finder", command->finders,
                    "peakfinder8, dispersion or dispersion-extended (default: all three, if no list is given)");
    sub->add_option("--threshold", command->threshold, "of our finders, in photons (default: theirs, 0)");
    sub->add_option("--min-pixels", command->min_pixels, "of a peak of our finders (default: 2; dispersion 3)");
    sub->add_option("--radius", command->options.radius_px, "how far off a found peak may be, in px")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    sub->add_option("--seed", command->options.seed, "of the resamples behind the intervals")->capture_default_str();
    sub->add_option("-o,--output", command->output, "also write the JSON here");
    sub->add_flag("--json", command->json, "print one JSON object (docs/results.md)");
    sub->callback([command, &common] { run_score_peaks(*command, common); });
}

}  // namespace braggbench
