#include "bench/report/report.hpp"

#include <fmt/format.h>

#include <string_view>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

void require_command(const std::optional<nlohmann::json>& result, std::string_view command) {
    if (!result) return;
    if (!result->is_object()) {
        throw DataError(
            fmt::format("The {} result is not a JSON object (the report reads the object that braggbench {} --json "
                        "prints). Make it again with that command.",
                        command, command));
    }
    const std::string found = report::text(*result, "command", "nothing");
    if (found != command) {
        throw DataError(
            fmt::format("The file given as the result of braggbench {} says \"command\": \"{}\" (each result has its "
                        "own place in the report). Give the file that braggbench {} --json printed.",
                        command, found, command));
    }
}

std::string contents() {
    return "<nav aria-label=\"Contents\"><a href=\"#simulated\">Simulated</a> <a href=\"#learned\">Learned</a> <a "
           "href=\"#measured\">Measured</a> <a href=\"#explained\">Explained</a> <a href=\"#repeat\">Repeat "
           "it</a></nav>\n";
}

}  // namespace

std::string report::page_head(const std::string& title) {
    // The policy makes a browser refuse any fetch, so that the page is the same on and off the network.
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
        "data:\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n",
        escape(title), style_sheet());
}

std::string report_html(const ReportInput& input) {
    require_command(input.training, "train");
    require_command(input.evaluation, "evaluate");
    require_command(input.explanation, "explain");
    try {
        const std::string name = report::text(input.corpus_summary, "name", input.corpus.filename().string());
        const std::string title = fmt::format("BraggBench report: {}", name);
        std::string page = report::page_head(title);
        page += fmt::format(
            "<body>\n<header>\n<p class=\"kicker\">BraggBench report</p>\n<h1>{}</h1>\n{}{}</header>\n<main>\n",
            report::escape(name), report::verdict(input), contents());
        page += report::corpus_section(input);
        page += report::training_section(input);
        page += report::evaluation_section(input);
        page += report::explanation_section(input);
        page += report::provenance_section(input);
        return page + "</main>\n</body>\n</html>\n";
    } catch (const nlohmann::json::exception& error) {
        throw DataError(
            fmt::format("A result cannot be put into the report ({}). Compare it with docs/results.md, or make it "
                        "again with this version.",
                        error.what()));
    }
}

void write_report(const std::filesystem::path& path, const ReportInput& input) {
    replace_file(path, report_html(input));
}

}  // namespace braggbench
