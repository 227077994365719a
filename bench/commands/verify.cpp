#include "datasets/verify.hpp"

#include <fmt/format.h>

#include <iostream>
#include <limits>
#include <memory>

#include "bench/commands/commands.hpp"
#include "bench/progress.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

struct VerifyCommand {
    std::filesystem::path corpus;
    VerifyOptions options;
    bool full = false;
    bool json = false;
};

nlohmann::json verify_json(const VerifyReport& report) {
    nlohmann::json checks = nlohmann::json::array();
    for (const VerifyCheck& check : report.checks) {
        checks.push_back({{"name", check.name},
                          {"passed", check.faults.empty()},
                          {"result", check.result},
                          {"faults", check.faults}});
    }
    return {{"command", "verify"},
            {"corpus", report.path.string()},
            {"passed", report.passed()},
            {"checks", checks},
            {"notes", report.notes}};
}

std::string verify_text(const VerifyReport& report) {
    std::string text;
    for (const VerifyCheck& check : report.checks) {
        text += fmt::format("{:<9} {:<6} {}\n", check.name, check.faults.empty() ? "ok" : "FAULT", check.result);
        for (const std::string& fault : check.faults) text += fmt::format("                 {}\n", fault);
    }
    for (const std::string& note : report.notes) text += fmt::format("note: {}\n", note);
    return text;
}

void run_verify(VerifyCommand command, const CommonOptions& common) {
    command.options.threads = common.threads;
    if (command.full) command.options.replayed_images = std::numeric_limits<std::int64_t>::max();
    VerifyReport report;
    {
        Progress progress("verify", "images", common.quiet);
        report = verify_corpus(command.corpus, command.options,
                               [&](std::int64_t done, std::int64_t total) { progress.update(done, total); });
    }
    std::cout << (command.json ? verify_json(report).dump(2) + "\n" : verify_text(report));
    if (report.passed()) return;
    std::size_t faults = 0;
    std::string first;
    for (const VerifyCheck& check : report.checks) {
        faults += check.faults.size();
        if (first.empty() && !check.faults.empty()) first = check.faults.front();
    }
    throw DataError(fmt::format("{}: is not as it was written ({} faults, the first: {}). Copy or make it again.",
                                report.path.string(), faults, first));
}

}  // namespace

void add_verify(CLI::App& app, const CommonOptions& common) {
    auto command = std::make_shared<VerifyCommand>();
    auto* sub = app.add_subcommand(
        "verify",
        "whether a corpus is what was written: every image, label and peak, and images made again from its recipe\n\n"
        "  braggbench verify corpus.h5\n"
        "A damaged or edited file ends with exit code 3 and the place.\n");
    sub->add_option("CORPUS", command->corpus, "the corpus file")->required();
    auto* images = sub->add_option("--replay", command->options.replayed_images,
                                   "how many images are made again from the recipe and compared")
                       ->check(CLI::NonNegativeNumber)
                       ->capture_default_str();
    sub->add_flag("--full", command->full, "make all images again")->excludes(images);
    sub->add_flag("--json", command->json, "print one JSON object");
    sub->callback([command, &common] { run_verify(*command, common); });
}

}  // namespace braggbench
