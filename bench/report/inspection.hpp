// What a corpus holds, measured on every image: label counts and correlations, histograms, radial profiles, peaks. As
// JSON, and with example images and an audit as one HTML page that needs nothing beside it (docs/inspect.md).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "datasets/corpus.hpp"
#include "datasets/corpus_statistics.hpp"

namespace braggbench {

// corpus_summary() with {"command": "inspect", "labels", "correlations", "image_numbers", "histograms",
// "radial_profiles", "peaks"}; docs/inspect.md has the keys. Throws what corpus_summary() throws.
nlohmann::json inspection_json(const CorpusReader& corpus, const CorpusStatistics& statistics);

// The labels part alone, which needs no image.
nlohmann::json label_counts_json(const CorpusReader& corpus);

struct ExampleImage {
    std::string class_name;
    std::string caption;  // number, peaks, and every label that holds
    std::vector<std::uint8_t> png;
};
// At most `per_class` of every class, chosen by the seed; the right halves have their visible peaks circled.
std::vector<ExampleImage> example_images(const CorpusReader& corpus, int per_class, std::uint64_t seed);

// `inspection` as inspection_json() gives it, for one corpus; an audit of several corpora may stand alone. Text is
// escaped, there is no script and nothing is fetched. Throws DataError if a part is missing or of the wrong type.
std::string inspection_html(const std::optional<nlohmann::json>& inspection, const std::vector<ExampleImage>& examples,
                            const std::optional<nlohmann::json>& audit);

namespace report {

// The audit's part of the page, from audit_json().
std::string audit_section(const nlohmann::json& audit);

}  // namespace report

}  // namespace braggbench
