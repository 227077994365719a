#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/results/baseline.hpp"
#include "bench/results/benchmarks.hpp"
#include "bench/results/comparison.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

namespace fs = std::filesystem;

constexpr int exit_regression = 1;

struct BenchCompareCommand {
    fs::path base;
    fs::path fresh;
    fs::path markdown;
    fs::path junit;
    fs::path csv;
    bool without_speeds = false;
    bool json = false;
};

Results read_measures(const fs::path& path, bool without_speeds) {
    Results results = read_results(path);
    if (without_speeds) {
        std::erase_if(results.measures, [](const Measure& measure) { return measure.kind == MeasureKind::speed; });
    }
    return results;
}

ResultsComparison compare_files(const fs::path& base, const fs::path& fresh, bool without_speeds) {
    const bool benchmarks = is_benchmark_file(base);
    if (benchmarks != is_benchmark_file(fresh)) {
        throw UsageError(
            fmt::format("{} is of Google Benchmark, {} of a suite (they measure different things). "
                        "Compare two files of one kind.",
                        (benchmarks ? base : fresh).string(), (benchmarks ? fresh : base).string()));
    }
    return benchmarks ? compare_benchmarks(base, fresh)
                      : compare_results(read_measures(base, without_speeds), read_measures(fresh, without_speeds));
}

void run_bench_compare(const BenchCompareCommand& command) {
    for (const fs::path& path : {command.markdown, command.junit, command.csv}) {
        if (!path.empty()) require_writable(path);
    }
    const ResultsComparison comparison = compare_files(command.base, command.fresh, command.without_speeds);
    if (!command.markdown.empty()) replace_file(command.markdown, comparison_markdown(comparison));
    if (!command.junit.empty()) replace_file(command.junit, comparison_junit(comparison));
    if (!command.csv.empty()) replace_file(command.csv, comparison_csv(comparison));
    std::cout << (command.json ? comparison_json(comparison).dump(2) + "\n" : comparison_text(comparison));
    std::cout.flush();
    if (comparison.count(Verdict::regression) > 0) throw CLI::RuntimeError(exit_regression);
}

struct BaselineUpdateCommand {
    fs::path base;
    fs::path fresh;
    std::string reason;
    std::vector<fs::path> trainings;
};

void run_baseline_update(const BaselineUpdateCommand& command) {
    const Results fresh = read_results(command.fresh);
    std::vector<Results> trainings;
    for (const fs::path& path : command.trainings) trainings.push_back(read_results(path));
    const BaselineRecord record = update_baseline(command.base, fresh, command.reason, trainings);
    fmt::print("{}: now {}, {} measures ({})\n", command.base.string(), command.fresh.string(), fresh.measures.size(),
               record.previous.empty() ? "there was no baseline" : "before: " + record.previous);
}

}  // namespace

void add_bench_compare(CLI::App& bench, const CommonOptions& /*common*/) {
    auto command = std::make_shared<BenchCompareCommand>();
    auto* sub =
        bench.add_subcommand("compare",
                             "what got better, what worse, what cannot be told, from BASE to NEW\n\n"
                             "  braggbench bench compare baseline.json results.json\n"
                             "  braggbench bench compare before.json after.json         of `make bench JSON=FILE`\n"
                             "Exit code 1 if anything got worse; docs/comparing.md gives the rules.\n");
    sub->add_option("BASE", command->base, "results of `braggbench bench SUITE`, or JSON of Google Benchmark")
        ->required();
    sub->add_option("NEW", command->fresh, "the same of the run in question")->required();
    sub->add_option("--markdown", command->markdown, "also write a page for a pull request here");
    sub->add_option("--junit", command->junit, "also write JUnit XML here: one test for each measure");
    sub->add_option("--csv", command->csv, "also write a line for each measure here");
    sub->add_flag("--without-speeds", command->without_speeds,
                  "leave the speeds of suites out: on a machine that others share they say little");
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command] { run_bench_compare(*command); });

    auto* baseline = bench.add_subcommand("baseline", "the file that runs are compared with");
    baseline->require_subcommand(1);
    auto update_command = std::make_shared<BaselineUpdateCommand>();
    auto* update = baseline->add_subcommand(
        "update",
        "makes NEW the baseline, and records why\n\n"
        "  braggbench bench baseline update baseline.json results.json --reason \"faster noise, same statistics\"\n");
    update->add_option("BASE", update_command->base, "the baseline; may not exist yet")->required();
    update->add_option("NEW", update_command->fresh, "results of `braggbench bench SUITE`")->required();
    update->add_option("--reason", update_command->reason, "why NEW is right where it differs")->required();
    update->add_option("--training", update_command->trainings,
                       "results of `braggbench bench SUITE --training-seed N`, repeatable: how much scores of networks "
                       "scatter between trainings (default: as BASE has it)");
    update->callback([update_command] { run_baseline_update(*update_command); });
}

}  // namespace braggbench
