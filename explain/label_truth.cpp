#include "explain/label_truth.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

// The text that tells what an attribute is about.
std::string meaning_of(const CorpusInfo& info, const std::string& attribute) {
    if (!info.recipe_toml.empty()) {
        const Recipe recipe = parse_recipe(info.recipe_toml, "the corpus' recipe");
        for (const AttributeRule& rule : recipe.labels.attributes) {
            if (rule.name == attribute) {
                return rule.rule;
            }
        }
    }
    return attribute;
}

}  // namespace

const char* to_string(LabelTruth truth) {
    switch (truth) {
        case LabelTruth::peaks:
            return "peaks";
        case LabelTruth::second_lattice:
            return "second_lattice";
        case LabelTruth::ice_rings:
            return "ice_rings";
    }
    return "";
}

LabelTruth truth_of_label(const CorpusInfo& info, const std::string& label) {
    const auto is_label = [&label](const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), label) != names.end();
    };
    if (is_label(info.labels.attributes)) {
        const std::string meaning = meaning_of(info, label);
        const auto says = [&meaning](const char* word) { return meaning.find(word) != std::string::npos; };
        // "lattice" has "ice" in it.
        if (says("lattice")) return LabelTruth::second_lattice;
        if (says("ice")) return LabelTruth::ice_rings;
        return LabelTruth::peaks;
    }
    if (label.empty() || is_label(info.class_names)) {
        return LabelTruth::peaks;
    }
    std::vector<std::string> known = info.class_names;
    known.insert(known.end(), info.labels.attributes.begin(), info.labels.attributes.end());
    throw UsageError(fmt::format("unknown label \"{}\" (the corpus has {}). Did you mean \"{}\"?", label,
                                 fmt::join(known, ", "), nearest_name(label, known)));
}

std::vector<Peak> peaks_of_label(LabelTruth truth, std::vector<Peak> visible) {
    std::erase_if(visible, [](const Peak& peak) { return peak.kind != PeakKind::protein; });
    if (truth == LabelTruth::second_lattice) {
        std::map<std::uint8_t, std::size_t> counts;
        for (const Peak& peak : visible) {
            ++counts[peak.lattice];
        }
        const auto richest = std::max_element(counts.begin(), counts.end(),
                                              [](const auto& a, const auto& b) { return a.second < b.second; });
        std::erase_if(visible, [&](const Peak& peak) { return peak.lattice == richest->first; });
    }
    return visible;
}

}  // namespace braggbench
