// The report: what was simulated, learned, measured and explained, as one HTML file that needs nothing beside it.
// Reads the JSON of docs/results.md and the corpus summary of bench/report/corpus_summary.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace braggbench {

struct ReportInput {
    std::filesystem::path corpus;                 // as the reader would type it
    nlohmann::json corpus_summary;                // corpus_summary()
    std::vector<std::uint8_t> contact_sheet_png;  // encode_png(corpus_contact_sheet()); empty = none
    std::optional<nlohmann::json> training;
    std::optional<nlohmann::json> evaluation;
    std::optional<nlohmann::json> explanation;
    std::filesystem::path explanation_dir;  // overlay files are relative to it
    std::vector<std::string> commands;      // the commands that made all this, in order
};

// Text is escaped, images become data: URIs, there is no script and nothing is fetched. The same input gives the same
// bytes. Throws DataError if a result is of another command or a value has a type that docs/results.md does not allow.
std::string report_html(const ReportInput& input);

// report_html() written to a temporary name beside `path`, then renamed. Throws DataError if it cannot be written.
void write_report(const std::filesystem::path& path, const ReportInput& input);

}  // namespace braggbench
