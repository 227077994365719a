// Results as text for a terminal: the same objects that --json prints (docs/results.md).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace braggbench {

std::string corpus_table(const nlohmann::json& corpus_summary);  // of bench/report/corpus_summary.hpp
std::string labels_table(const nlohmann::json& labels);          // of label_counts_json()
std::string audit_text(const nlohmann::json& audit);
std::string evaluation_table(const nlohmann::json& evaluation);
std::string comparison_table(const nlohmann::json& comparison);
std::string explanation_table(const nlohmann::json& explanation);
std::string map_scores_table(const nlohmann::json& map_scores);  // of score_maps()
std::string embedding_table(const nlohmann::json& embedding);
std::string peak_scores_table(const nlohmann::json& peak_scores);  // of score_peak_lists()
std::string inside_table(const nlohmann::json& inside);            // of look_inside()

}  // namespace braggbench
