// The subcommands of `braggbench`. Each file here parses options and calls the library function of the same name.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace braggbench {

// What every subcommand knows.
struct CommonOptions {
    bool quiet = false;
    int threads = 0;  // resolved: >= 1
};

// `braggbench bench compare` and `bench baseline`.
void add_bench_compare(CLI::App& bench, const CommonOptions& common);
void add_recipes(CLI::App& app, const CommonOptions& common);
void add_simulate(CLI::App& app, const CommonOptions& common);
void add_generate(CLI::App& app, const CommonOptions& common);
void add_export(CLI::App& app, const CommonOptions& common);
void add_export_model(CLI::App& app, const CommonOptions& common);
void add_models(CLI::App& app, const CommonOptions& common);
void add_import(CLI::App& app, const CommonOptions& common);
void add_verify(CLI::App& app, const CommonOptions& common);
void add_inspect(CLI::App& app, const CommonOptions& common);
void add_train(CLI::App& app, const CommonOptions& common);
void add_compare(CLI::App& app, const CommonOptions& common);
void add_evaluate(CLI::App& app, const CommonOptions& common);
void add_explain(CLI::App& app, const CommonOptions& common);
void add_embed(CLI::App& app, const CommonOptions& common);
void add_classify(CLI::App& app, const CommonOptions& common);
void add_find_peaks(CLI::App& app, const CommonOptions& common);
void add_score_maps(CLI::App& app, const CommonOptions& common);
void add_bench(CLI::App& app, const CommonOptions& common);
void add_report(CLI::App& app, const CommonOptions& common);

}  // namespace braggbench
