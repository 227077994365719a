#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/report/corpus_summary.hpp"
#include "bench/text_tables.hpp"
#include "datasets/corpus.hpp"

namespace braggbench {

namespace {

struct InspectCommand {
    std::filesystem::path corpus;
    std::filesystem::path contact_sheet;
    int per_class = 6;
    std::uint64_t seed = 1;
    bool json = false;
};

void run_inspect(const InspectCommand& command) {
    const CorpusReader corpus(command.corpus);
    const nlohmann::json summary = corpus_summary(corpus);
    std::cout << (command.json ? summary.dump(2) + "\n" : corpus_table(summary));
    if (!command.contact_sheet.empty()) {
        write_png(command.contact_sheet, corpus_contact_sheet(corpus, command.per_class, command.seed));
        if (!command.json) fmt::print("\ncontact sheet: {}\n", command.contact_sheet.string());
    }
}

}  // namespace

void add_inspect(CLI::App& app, const CommonOptions&) {
    auto command = std::make_shared<InspectCommand>();
    auto* sub =
        app.add_subcommand("inspect",
                           "what a corpus holds: counts per class and split, geometry, ranges, a contact sheet\n\n"
                           "  braggbench inspect corpus.h5 --contact-sheet sheet.png\n");
    sub->add_option("CORPUS", command->corpus, "a file made by `braggbench generate`")->required();
    sub->add_option("--contact-sheet", command->contact_sheet,
                    "write a PNG with images of every class, visible peaks circled");
    sub->add_option("--per-class", command->per_class, "images per class on it")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    sub->add_option("--seed", command->seed, "chooses them")->capture_default_str();
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command] { run_inspect(*command); });
}

}  // namespace braggbench
