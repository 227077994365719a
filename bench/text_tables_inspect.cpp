#include <fmt/format.h>

#include <algorithm>

#include "bench/text_tables.hpp"

namespace braggbench {

namespace {

using nlohmann::json;

// "0.973 [0.960, 0.982] total intensity"
std::string pair_words(const json& pair) {
    if (pair.is_null()) return "n/a";
    const json& auc = pair.at("auc");
    std::string words = fmt::format("{:.3f} [{:.3f}, {:.3f}]", auc.at("value").get<double>(),
                                    auc.at("ci95")[0].get<double>(), auc.at("ci95")[1].get<double>());
    if (pair.at("shape") != "together") {
        words += fmt::format(" {}", pair.at("nuisance").get<std::string>());
        if (pair.at("shape") == "any") words += " (any shape)";
    }
    return words;
}

std::size_t longest_name(const json& labels) {
    std::size_t longest = 5;
    for (const json& label : labels) longest = std::max(longest, label.at("name").get<std::string>().size());
    return longest;
}

}  // namespace

std::string labels_table(const json& labels) {
    const std::size_t width = longest_name(labels);
    std::string out = fmt::format("{:<{}} {:<9} {:>8} {:>8} {:>10} {:>8}  share, or median (5 to 95 %)\n", "label",
                                  width, "kind", "defined", "train", "validation", "test");
    for (const json& label : labels) {
        const json& counts = label.at("positive").is_null() ? label.at("defined") : label.at("positive");
        std::int64_t defined = 0;
        for (const json& n : label.at("defined")) defined += n.get<std::int64_t>();
        out += fmt::format("{:<{}} {:<9} {:>8} {:>8} {:>10} {:>8}", label.at("name").get<std::string>(), width,
                           label.at("kind").get<std::string>(), defined, counts[0].get<std::int64_t>(),
                           counts[1].get<std::int64_t>(), counts[2].get<std::int64_t>());
        if (label.contains("quantiles") && !label.at("quantiles").is_null()) {
            const json& spread = label.at("quantiles");
            out += fmt::format("  {:.4g} ({:.4g} to {:.4g})", spread.at("median").get<double>(),
                               spread.at("p05").get<double>(), spread.at("p95").get<double>());
        } else if (!label.at("prevalence").is_null()) {
            out += fmt::format("  {:.1f} %", 100.0 * label.at("prevalence").get<double>());
        }
        out += '\n';
    }
    return out;
}

std::string audit_text(const json& audit) {
    const json& labels = audit.at("labels");
    const std::size_t width = longest_name(labels);
    std::string out =
        fmt::format("can a nuisance tell a label? AUC [95 % interval], limit {}\n\n{:<{}} {:>7}  {:<58} {:<22}\n",
                    audit.at("max_auc").get<double>(), "label", width, "images", "worst nuisance", "all together");
    std::int64_t audited = 0;
    std::int64_t leaking = 0;
    for (const json& label : labels) {
        out += fmt::format("{:<{}} {:>7}  ", label.at("name").get<std::string>(), width,
                           label.at("images").get<std::int64_t>());
        if (const auto why = label.at("not_audited").get<std::string>(); !why.empty()) {
            out += fmt::format("not audited: {}\n", why);
            continue;
        }
        ++audited;
        const bool leaks = label.at("leaks").get<bool>();
        leaking += leaks ? 1 : 0;
        out += fmt::format("{:<58} {:<22}{}\n", pair_words(label.at("worst")), pair_words(label.at("together")),
                           leaks ? "  ABOVE" : "");
    }
    out += "\nof what the recipe drew, which does not count:\n";
    for (const json& label : labels) {
        if (label.at("worst_drawn").is_null()) continue;
        out += fmt::format("{:<{}}          {}\n", label.at("name").get<std::string>(), width,
                           pair_words(label.at("worst_drawn")));
    }
    return out + fmt::format("\n{} of {} labels above the limit\n", leaking, audited);
}

}  // namespace braggbench
