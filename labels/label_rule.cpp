#include "labels/label_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <string_view>
#include <utility>

#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

LabelRule::LabelRule(const std::string& text, std::span<const std::string> names, const std::string& what) {
    constexpr std::array<std::pair<std::string_view, Relation>, 6> relations = {{{">=", Relation::at_least},
                                                                                 {">", Relation::above},
                                                                                 {"<=", Relation::at_most},
                                                                                 {"<", Relation::below},
                                                                                 {"==", Relation::equal},
                                                                                 {"!=", Relation::unequal}}};
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (words.empty()) return;

    const auto fail = [&](const std::string& why) {
        throw UsageError(
            fmt::format("{}: \"{}\" ({}). Write conditions such as \"crystal.lattices >= 2 and "
                        "visible_peaks >= 10\", joined by `and` or `or`.",
                        what, text, why));
    };
    alternatives_.emplace_back();
    std::size_t at = 0;
    while (true) {
        if (at == words.size()) fail("it ends where a name is wanted");
        const auto found = std::ranges::find(names, words[at]);
        if (found == names.end()) {
            throw UsageError(fmt::format("{}: \"{}\" (no quantity is called \"{}\"). Did you mean \"{}\"?", what, text,
                                         words[at], nearest_name(words[at], names)));
        }
        Comparison comparison;
        comparison.quantity = static_cast<std::size_t>(found - names.begin());
        ++at;
        if (at < words.size() && words[at] != "and" && words[at] != "or") {
            const auto relation = std::ranges::find(relations, words[at], [](const auto& r) { return r.first; });
            if (relation == relations.end()) fail(fmt::format("\"{}\" is no comparison", words[at]));
            comparison.relation = relation->second;
            if (++at == words.size()) fail("it ends where a number is wanted");
            const std::string& number = words[at];
            const auto parsed = std::from_chars(number.data(), number.data() + number.size(), comparison.number);
            if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) {
                fail(fmt::format("\"{}\" is no number", number));
            }
            ++at;
        }
        alternatives_.back().push_back(comparison);
        if (at == words.size()) break;
        if (words[at] == "or") {
            alternatives_.emplace_back();
        } else if (words[at] != "and") {
            fail(fmt::format("\"{}\" stands where `and` or `or` is wanted", words[at]));
        }
        ++at;
    }
}

bool LabelRule::holds(const Comparison& comparison, double value) {
    switch (comparison.relation) {
        case Relation::at_least:
            return value >= comparison.number;
        case Relation::above:
            return value > comparison.number;
        case Relation::at_most:
            return value <= comparison.number;
        case Relation::below:
            return value < comparison.number;
        case Relation::equal:
            return value == comparison.number;
        case Relation::unequal:
            return value != comparison.number;
    }
    return false;
}

bool LabelRule::holds(std::span<const double> values) const {
    if (alternatives_.empty()) return true;
    return std::ranges::any_of(alternatives_, [&](const auto& all) {
        return std::ranges::all_of(all, [&](const Comparison& c) { return holds(c, values[c.quantity]); });
    });
}

}  // namespace braggbench
