#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "bench/results/machine.hpp"
#include "bench/suite/measures.hpp"
#include "bench/suite/results_writers.hpp"
#include "bench/suite/run_suite.hpp"
#include "bench/suite/suite_toml.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

constexpr int exit_wrong_answer = 1;

struct BenchCommand {
    std::string suite;
    std::filesystem::path output;
    std::filesystem::path markdown;
    std::filesystem::path junit;
    std::filesystem::path csv;
    std::filesystem::path cache;
    std::optional<std::uint64_t> training_seed;
    bool dry_run = false;
    bool print = false;
    bool keys = false;
    bool json = false;
};

std::string duration(double seconds) {
    const auto s = static_cast<long>(seconds + 0.5);
    if (s >= 3600) return fmt::format("{}h{:02d}m", s / 3600, s % 3600 / 60);
    return s >= 60 ? fmt::format("{}m{:02d}s", s / 60, s % 60) : fmt::format("{}s", s);
}

// Of what is to be run from that step on; absent if one of these is not known.
std::optional<double> seconds_of(const std::vector<PlannedStep>& steps, std::size_t from) {
    double seconds = 0.0;
    for (std::size_t i = from; i < steps.size(); ++i) {
        if (steps[i].cached) continue;
        if (!steps[i].estimated_s) return std::nullopt;
        seconds += *steps[i].estimated_s;
    }
    return seconds;
}

std::string plan_text(const Suite& suite, const std::vector<PlannedStep>& steps, const std::filesystem::path& cache) {
    std::string out = fmt::format("suite {}: {}\n\n{:<30} {:<12} {:>8} {:>10}  estimated from\n", suite.name,
                                  suite.description, "step", "kind", "time", "disk");
    double seconds = 0.0;
    double mib = 0.0;
    int unknown = 0;
    for (const auto& step : steps) {
        if (step.cached || !step.estimated_s) {
            unknown += step.cached ? 0 : 1;
            out += fmt::format("{:<30} {:<12} {:>8} {:>10}  {}\n", step.name, step.kind, step.cached ? "-" : "?",
                               step.cached ? "-" : "?",
                               step.cached ? "(its result is there)" : "(none of its kind was run with this cache)");
            continue;
        }
        seconds += *step.estimated_s;
        mib += *step.estimated_mib;
        out += fmt::format("{:<30} {:<12} {:>8} {:>10}  {} steps of its kind\n", step.name, step.kind,
                           duration(*step.estimated_s), fmt::format("{:.0f} MiB", *step.estimated_mib),
                           step.recorded_steps);
    }
    return out + fmt::format("{:<30} {:<12} {:>8} {:>10}  in {}{}\n", "all", "", duration(seconds),
                             fmt::format("{:.0f} MiB", mib), cache.string(),
                             unknown > 0 ? fmt::format(", and {} steps of which nothing is known", unknown) : "");
}

Results run(const Suite& suite, const SuiteOptions& options, bool quiet) {
    std::unique_ptr<Progress> progress;
    std::vector<PlannedStep> steps;
    std::size_t step = 0;
    SuiteCalls calls;
    calls.on_step = [&](const std::vector<PlannedStep>& all, std::size_t index) {
        steps = all;
        step = index;
        progress = std::make_unique<Progress>(fmt::format("[{}/{}] {}", index + 1, all.size(), all[index].name),
                                              all[index].kind == "speed" ? "repeats" : "images", quiet);
    };
    calls.progress = [&](std::int64_t done, std::int64_t total) { progress->update(done, total); };
    calls.note = [&](const std::string& line) { progress->note(line); };
    calls.on_done = [&](const StepRecord& record) {
        const auto left_s = seconds_of(steps, step + 1);
        progress->note(fmt::format("[{}/{}] {} ({}): {}{}", step + 1, steps.size(), record.name, record.kind,
                                   record.cached ? "as before" : fmt::format("{:.1f} s", record.wall_s),
                                   left_s && *left_s > 0.0 ? ", about " + duration(*left_s) + " left" : ""));
    };
    return run_suite(suite, options, calls);
}

std::string suites_text() {
    std::string out = "built-in suites:\n";
    for (const auto& builtin : builtin_suites()) {
        out += fmt::format("  {:<8} {}\n", builtin.name, load_suite(std::string(builtin.name)).description);
    }
    return out + "\n`braggbench bench --print ci > mine.toml`, edit, `braggbench bench mine.toml`.\n";
}

void run_bench(const BenchCommand& command, const CommonOptions& common) {
    if (command.keys) {
        std::cout << suite_keys_text();
        return;
    }
    if (command.suite.empty()) {
        std::cout << suites_text();
        return;
    }
    if (command.print) {
        std::cout << suite_text(command.suite);
        return;
    }
    for (const auto& path : {command.output, command.markdown, command.junit, command.csv}) {
        if (!path.empty()) require_writable(path);
    }
    Suite suite = load_suite(command.suite);
    if (command.training_seed) {
        for (ModelStep& model : suite.models) model.options.seed = *command.training_seed;
    }
    const SuiteOptions options{command.cache.empty() ? default_suite_cache() : command.cache,
                               this_machine(common.threads)};
    if (command.dry_run) {
        std::cout << plan_text(suite, plan_suite(suite, options), options.cache);
        return;
    }
    const Results results = run(suite, options, common.quiet);
    if (!command.output.empty()) write_results(command.output, results);
    if (!command.markdown.empty()) replace_file(command.markdown, results_markdown(results));
    if (!command.junit.empty()) replace_file(command.junit, results_junit(results));
    if (!command.csv.empty()) replace_file(command.csv, results_csv(results));
    std::cout << (command.json ? results_text(results) : results_table(results));
    std::cout.flush();
    if (std::ranges::any_of(results.measures, is_wrong)) throw CLI::RuntimeError(exit_wrong_answer);
}

}  // namespace

void add_bench(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<BenchCommand>();
    auto* sub = app.add_subcommand(
        "bench",
        "a suite of corpora, models, explanations, peak finders, checks and speeds: one file of results\n\n"
        "  braggbench bench                      lists the built-in suites\n"
        "  braggbench bench ci -o results.json\n"
        "  braggbench bench sources --dry-run    what it would do, for how long\n"
        "Steps that were run before with the same program and inputs are not run again, and a suite that was stopped\n"
        "goes on where it was (docs/suites.md). Exit code 1: something with a known answer came out wrong.\n"
        "`bench compare` tells two files of results apart, `bench baseline update` keeps one to compare with.\n");
    sub->add_option("SUITE", command->suite, "built-in name or a .toml file");
    sub->add_option("-o,--output", command->output, "the file of results (JSON)");
    sub->add_option("--markdown", command->markdown, "also write the table as Markdown here");
    sub->add_option("--junit", command->junit, "also write JUnit's XML here, a case for every measure");
    sub->add_option("--csv", command->csv, "also write a row for every measure here");
    sub->add_option("--cache", command->cache, "folder for what steps leave (default: bench in $BRAGGBENCH_CACHE)");
    sub->add_option("--training-seed", command->training_seed,
                    "train every model with this seed: for `bench baseline update --training`");
    sub->add_flag("--dry-run", command->dry_run, "print the plan with estimated time and disk");
    sub->add_flag("--print", command->print, "print the suite's TOML");
    sub->add_flag("--keys", command->keys, "print every key that a suite may have, with its meaning and default");
    sub->add_flag("--json", command->json, "print the file of results instead of the table");
    sub->require_subcommand(0, 1);
    add_bench_compare(*sub, common);
    sub->callback([sub, command, &common] {
        if (sub->get_subcommands().empty()) run_bench(*command, common);
    });
}

}  // namespace braggbench
