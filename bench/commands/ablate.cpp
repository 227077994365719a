#include "bench/ablation/ablate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <span>

#include "bench/ablation/ablation_page.hpp"
#include "bench/ablation/ablation_words.hpp"
#include "bench/ablation/cell_scores.hpp"
#include "bench/ablation/summary.hpp"
#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct AblateCommand {
    std::string grid;
    std::filesystem::path directory;
    bool dry_run = false;
    bool print = false;
    bool markdown = false;
    bool json = false;
};

// "photo1 0.713, ice 0.902": scores alone, for the line that each cell leaves.
std::string scores_words(const CellResult& cell) {
    std::vector<std::string> words;
    for (const auto& question : questions_of(std::span(&cell, 1))) {
        const auto measured =
            measure_cells(std::span(&cell, 1), question, measures_of(question.kind).front(), {}, 1).front();
        const auto& value = measured.score.value;
        words.push_back(fmt::format("{} {}", question.name, value ? fmt::format("{:.3f}", *value) : "n/a"));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

std::vector<CellResult> run_cells(const Grid& grid, const AblateOptions& options, bool quiet) {
    std::string shown;
    std::unique_ptr<Progress> progress;
    Progress whole("ablate", "cells", quiet);
    const auto begin = std::chrono::steady_clock::now();
    AblateCalls calls;
    calls.progress = [&](const std::string& part, const std::string& what, std::int64_t done, std::int64_t total) {
        if (const auto title = fmt::format("{}: {}", part, what); title != shown) {
            progress.reset();
            progress = std::make_unique<Progress>(title, "images", quiet);
            shown = title;
        }
        progress->update(done, total);
    };
    calls.on_cell = [&](const CellResult& cell, std::size_t done, std::size_t run_now, std::size_t cells) {
        if (run_now == 0) return;
        progress.reset();
        shown.clear();
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        const double left = seconds / static_cast<double>(run_now) * static_cast<double>(cells - done);
        whole.note(fmt::format("{}/{} cells, about {:.0f} min left.  {}: {}", done, cells, left / 60.0,
                               cell_name(grid, cell.cell), scores_words(cell)));
    };
    return run_grid(grid, options, calls);
}

void run_ablate(const AblateCommand& command, const CommonOptions& common) {
    const Grid grid = load_grid(command.grid);
    if (command.print) {
        std::cout << grid.text;
        return;
    }
    if (command.directory.empty()) {
        throw UsageError("no place for the results (corpora, cells and the page go there). Give -o DIRECTORY.");
    }
    const AblateOptions options{command.directory, common.threads};
    if (command.dry_run) {
        const auto plan = plan_grid(grid, options);
        std::cout << (command.json ? plan.dump(2) + "\n" : plan_table(plan));
        return;
    }
    std::filesystem::create_directories(command.directory);
    require_writable(command.directory / "result.json");
    const auto cells = run_cells(grid, options, common.quiet);
    const auto result = ablation_json(grid, cells, static_cast<unsigned>(common.threads));
    replace_file(command.directory / "result.json", result.dump(2) + "\n");
    const auto line = fmt::format("braggbench ablate {} -o {}", command.grid, command.directory.string());
    replace_file(command.directory / "index.html", ablation_html(result, line));
    std::cout << (command.json       ? result.dump(2) + "\n"
                  : command.markdown ? ablation_markdown(result)
                                     : ablation_table(result));
}

}  // namespace

void add_ablate(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<AblateCommand>();
    auto* sub = app.add_subcommand(
        "ablate",
        "a controlled grid: views, models, balance, transfer, training sizes crossed, all else equal\n\n"
        "  braggbench ablate smoke -o smoke/\n"
        "  braggbench ablate downsampling -o downsampling/ --dry-run\n"
        "  braggbench ablate downsampling --print > mine.toml\n"
        "Leaves DIRECTORY/index.html and result.json (docs/ablation.md). What is done already is not done\n"
        "again, so that a run that was broken off goes on where it was.\n");
    std::string built_in = "\nBuilt-in grids:\n";
    for (const auto& grid : builtin_grids()) {
        built_in += fmt::format("  {:<14} {}\n", grid.name, parse_grid(grid.toml, grid.name).description);
    }
    sub->footer(built_in);
    sub->add_option("GRID", command->grid, "a built-in grid or a path ending in .toml")->required();
    sub->add_option("-o,--output", command->directory, "the directory for everything");
    sub->add_flag("--dry-run", command->dry_run, "print the cells with estimated time and disk, and do nothing");
    sub->add_flag("--print", command->print, "print the grid itself, to begin one of your own with");
    sub->add_flag("--markdown", command->markdown, "print the tables as Markdown");
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_ablate(*command, common); });
}

}  // namespace braggbench
