// braggbench: one program, one subcommand per job. Exit codes: 0 done, 1 an audit, check or comparison found a fault, 2
// usage, 3 data, 4 internal error.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/commands/commands.hpp"
#include "bench/commands/nanobragg.hpp"
#include "classifiers/memory.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"
#include "simulator/version.hpp"

namespace {

constexpr int exit_usage = 2;
constexpr int exit_data = 3;
constexpr int exit_internal = 4;

int run(int argc, char** argv) {
    if (const auto request =
            braggbench::nanobragg_request(std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0))) {
        braggbench::run_nanobragg(*request);
        return 0;
    }
    braggbench::CommonOptions common;
    CLI::App app{
        "BraggBench makes labelled synthetic X-ray diffraction images, trains classifiers on them, and measures\n"
        "what comes out beside its chance level: accuracy, and how well saliency maps find the true Bragg peaks.\n"
        "\n"
        "A first session:\n"
        "  braggbench generate diffranet-small -o corpus.h5\n"
        "  braggbench train corpus.h5 -o model.pt\n"
        "  braggbench evaluate corpus.h5 --model model.pt\n"
        "  braggbench explain corpus.h5 --model model.pt -o explanation.json\n"};
    app.require_subcommand(1);
    app.fallthrough();
    app.set_version_flag("--version",
                         fmt::format("braggbench {} ({})", braggbench::version(), braggbench::git_commit()));
    app.add_flag("-q,--quiet", common.quiet, "no progress on standard error");
    app.add_option("-j,--threads", common.threads,
                   "threads (default: all cores); corpora and scores do not depend on it")
        ->check(CLI::Range(0, 1024));
    app.footer(
        "Exit codes: 0 done; 1 an audit found a leak, a check a wrong answer or a comparison a regression; 2 the "
        "request cannot be carried out as put; 3 a file cannot be used; 4 internal error.");
    app.parse_complete_callback([&common] {
        if (common.threads == 0) common.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
        braggbench::prepare_torch(common.threads);
    });
    add_recipes(app, common);
    add_simulate(app, common);
    braggbench::add_nanobragg(app);
    add_generate(app, common);
    add_export(app, common);
    add_export_model(app, common);
    add_import(app, common);
    add_verify(app, common);
    add_inspect(app, common);
    add_models(app, common);
    add_train(app, common);
    add_evaluate(app, common);
    add_compare(app, common);
    add_ablate(app, common);
    add_explain(app, common);
    add_score_maps(app, common);
    add_embed(app, common);
    add_look_inside(app, common);
    add_classify(app, common);
    add_find_peaks(app, common);
    add_score_peaks(app, common);
    add_bench(app, common);
    add_report(app, common);
    try {
        app.parse(argc, argv);
    } catch (const CLI::RuntimeError& error) {
        return error.get_exit_code();  // a subcommand's own answer, as of `inspect --audit`
    } catch (const CLI::ParseError& error) {
        // CLI11 would only say that a subcommand is missing.
        const std::vector<std::string> unknown = app.remaining();
        if (error.get_exit_code() != 0 && app.get_subcommands().empty() && !unknown.empty() &&
            !unknown.front().starts_with('-')) {
            std::vector<std::string> names;
            for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
            throw braggbench::UsageError(
                fmt::format("unknown subcommand \"{}\". Did you mean \"{}\"? `braggbench --help` lists them.",
                            unknown.front(), braggbench::nearest_name(unknown.front(), names)));
        }
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const braggbench::UsageError& error) {
        fmt::print(stderr, "braggbench: {}\n", error.what());
        return exit_usage;
    } catch (const braggbench::DataError& error) {
        fmt::print(stderr, "braggbench: {}\n", error.what());
        return exit_data;
    } catch (const std::exception& error) {
        fmt::print(stderr, "braggbench: internal error: {}\nPlease report it with the command line.\n", error.what());
        return exit_internal;
    }
}
