#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "bench/report/corpus_summary.hpp"
#include "bench/report/inspection.hpp"
#include "bench/text_tables.hpp"
#include "classifiers/audit.hpp"
#include "datasets/corpus.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int exit_leak = 1;
constexpr const char* standard_output = "-";

struct InspectCommand {
    std::vector<fs::path> corpora;
    fs::path output;
    std::string json_to;
    fs::path contact_sheet;
    int per_class = 6;
    std::uint64_t seed = 1;
    bool audit = false;
    std::optional<double> max_auc;
};

json audited(const std::vector<CorpusReader>& corpora, const std::vector<CorpusStatistics>& statistics,
             const InspectCommand& command, const CommonOptions& common) {
    std::vector<const CorpusReader*> readers;
    std::vector<const std::vector<ImageStatistics>*> images;
    for (std::size_t k = 0; k < corpora.size(); ++k) {
        readers.push_back(&corpora[k]);
        images.push_back(&statistics[k].images);
    }
    AuditOptions options;
    options.max_auc = command.max_auc.value_or(options.max_auc);
    options.seed = command.seed;
    options.threads = static_cast<unsigned>(common.threads);
    const AuditTable table = audit_table(readers, images);
    return audit_json(table, options, audit(table, options));
}

// A page and its numbers; a folder that was not there before is removed again if they cannot be written.
void write_folder(const fs::path& folder, const std::string& page, const std::string& numbers) {
    const bool is_new = !fs::exists(folder);
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) {
        throw DataError(fmt::format("{}: cannot be made ({}). Give a folder that can be written.", folder.string(),
                                    failed.message()));
    }
    try {
        replace_file(folder / "inspection.json", numbers);
        replace_file(folder / "inspection.html", page);
    } catch (...) {
        if (is_new) fs::remove_all(folder, failed);
        throw;
    }
}

// What needs no image is said at once; pages, JSON and audits read all of them.
void run_inspect(const InspectCommand& command, const CommonOptions& common) {
    if (command.corpora.size() > 1 && !command.audit) {
        throw UsageError(
            fmt::format("{} corpora without --audit (only an audit looks at several at once). Add --audit, "
                        "or inspect them one by one.",
                        command.corpora.size()));
    }
    const bool to_terminal = command.json_to != standard_output;
    if (!command.json_to.empty() && to_terminal) require_writable(command.json_to);
    if (!command.output.empty() && !fs::is_directory(command.output)) require_writable(command.output);
    std::vector<CorpusReader> corpora;
    for (const fs::path& path : command.corpora) corpora.emplace_back(path);
    const CorpusReader& corpus = corpora.front();
    const bool alone = corpora.size() == 1;
    if (to_terminal && alone) {
        std::cout << corpus_table(corpus_summary(corpus)) << '\n' << labels_table(label_counts_json(corpus));
    }
    if (!command.contact_sheet.empty()) {
        write_png(command.contact_sheet, corpus_contact_sheet(corpus, command.per_class, command.seed));
        if (to_terminal) fmt::print("\ncontact sheet: {}\n", command.contact_sheet.string());
    }
    if (!command.audit && command.output.empty() && command.json_to.empty()) return;

    std::vector<CorpusStatistics> statistics;
    for (const CorpusReader& one : corpora) {
        Progress progress("inspect", "images", common.quiet);
        statistics.push_back(corpus_statistics(
            one, common.threads, [&](std::int64_t done, std::int64_t total) { progress.update(done, total); }));
    }
    std::optional<json> inspection;
    if (alone) inspection = inspection_json(corpus, statistics.front());
    std::optional<json> audit;
    if (command.audit) audit = audited(corpora, statistics, command, common);
    if (audit && to_terminal) std::cout << '\n' << audit_text(*audit);

    json all = inspection.value_or(json{{"command", "inspect"}});
    if (audit) all["audit"] = *audit;
    const std::string numbers = all.dump(2) + "\n";
    if (!command.output.empty()) {
        std::vector<ExampleImage> examples;
        if (alone) examples = example_images(corpus, command.per_class, command.seed);
        write_folder(command.output, inspection_html(inspection, examples, audit), numbers);
        if (to_terminal) fmt::print("\npage: {}\n", (command.output / "inspection.html").string());
    }
    if (!to_terminal) {
        std::cout << numbers;
    } else if (!command.json_to.empty()) {
        replace_file(command.json_to, numbers);
    }
    if (audit && command.max_auc && audit->at("leaks").get<bool>()) {
        std::cout.flush();
        throw CLI::RuntimeError(exit_leak);
    }
}

}  // namespace

void add_inspect(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<InspectCommand>();
    auto* sub = app.add_subcommand(
        "inspect",
        "what a corpus holds, and whether something beside the diffraction gives its labels away\n\n"
        "  braggbench inspect corpus.h5                       counts, geometry, ranges: reads no image\n"
        "  braggbench inspect corpus.h5 -o folder             and correlations, histograms, profiles, peaks\n"
        "  braggbench inspect corpus.h5 --audit --max-auc 0.6 exit code 1 if a label can be told\n"
        "The page is folder/inspection.html, its numbers folder/inspection.json; docs/inspect.md.\n");
    sub->add_option("CORPUS", command->corpora, "files made by `braggbench generate`; several only with --audit")
        ->required();
    sub->add_option("-o,--output", command->output, "write a page and its numbers into this folder");
    sub->add_option("--json", command->json_to, "write the numbers here, or print them if no file is given")
        ->expected(0, 1)
        ->default_str(standard_output);
    sub->add_option("--contact-sheet", command->contact_sheet,
                    "write a PNG with images of every class, visible peaks circled");
    sub->add_option("--per-class", command->per_class, "images per class on it and on the page")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    sub->add_option("--seed", command->seed, "chooses them, and the halves of the audit")->capture_default_str();
    auto* audit = sub->add_flag("--audit", command->audit,
                                "predict each label from intensity, background, geometry, order and size alone");
    sub->add_option("--max-auc", command->max_auc,
                    "exit code 1 if the 95 % interval of any AUC lies above this (default: marked above 0.6, exit 0)")
        ->check(CLI::Range(0.5, 0.999))
        ->needs(audit);
    sub->callback([command, &common] { run_inspect(*command, common); });
}

}  // namespace braggbench
