// The hunt for shortcuts: can a number that has nothing to do with what a label means predict the label better than
// chance? Each label against each nuisance of audit_table.hpp, and against all of them together (docs/inspect.md).
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "classifiers/audit_table.hpp"
#include "classifiers/metric.hpp"

namespace braggbench {

enum class AuditShape {
    rank,     // the label rises or falls with the nuisance; all images
    any,      // the label's share in each of up to 16 equally full bins, learned on half the images, tried on the rest
    together  // all nuisances but the drawn: a logistic regression learned on the train split, tried on the test split
};
const char* name_of(AuditShape shape);

struct AuditPair {
    std::size_t label = 0;  // of AuditTable::labels
    std::string nuisance;   // "all together" for AuditShape::together
    NuisanceKind kind = NuisanceKind::image;
    AuditShape shape = AuditShape::rank;
    std::int64_t images = 0;
    // ROC-AUC; of AuditShape::rank whichever direction is above 0.5. For values the chance that of two images the one
    // with more of the label is told, as it follows from Spearman's correlation of a normal pair.
    Metric auc;
    Metric correlation;    // Spearman's, without its sign for AuditShape::rank; values only
    double p = 1.0;        // that there is nothing
    double p_holm = 1.0;   // over all pairs that are not drawn, or all that are
    bool exceeds = false;  // the interval's lower end is above AuditOptions::max_auc, and it isn't drawn
};

struct LabelAudit {
    std::size_t label = 0;
    std::int64_t images = 0;                 // where it is defined
    std::int64_t positives = 0;              // of them; 0 for values
    std::string not_audited;                 // why, if it isn't
    std::optional<std::size_t> worst;        // of AuditResult::pairs: not drawn: perfect, or with the highest lower end
    std::optional<std::size_t> worst_drawn;  // the same among the drawn
    std::optional<std::size_t> together;
    bool leaks = false;  // a pair exceeds
};

struct AuditOptions {
    double max_auc = 0.6;
    std::uint64_t seed = 1;  // halves the images for AuditShape::any
    unsigned threads = 0;    // 0 = one per core
};

struct AuditResult {
    std::vector<LabelAudit> labels;
    std::vector<AuditPair> pairs;  // label by label, in the order of the nuisances
    [[nodiscard]] bool leaks() const;
};

// Labels with fewer images (or groups) on one side than this are not audited: no interval would mean anything.
inline constexpr std::int64_t audit_min_groups = 10;

// Throws UsageError unless 0.5 <= max_auc < 1. Does not depend on the threads.
AuditResult audit(const AuditTable& table, const AuditOptions& options);

// docs/inspect.md has the keys.
nlohmann::json audit_json(const AuditTable& table, const AuditOptions& options, const AuditResult& result);

}  // namespace braggbench
