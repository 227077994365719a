// A condition on named numbers of an image, such as "crystal.lattices >= 2 and visible_peaks >= 10 or class.strong".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace braggbench {

// `and` binds before `or`; there are no brackets. Words are separated by spaces; a name alone means that it is not 0.
// Comparisons are >=, >, <=, <, == and !=.
class LabelRule {
public:
    LabelRule() = default;  // always holds
    // An empty text always holds. Throws UsageError for what is no such condition and for an unknown name, with the
    // nearest of `names`; `what` says whose rule it is.
    LabelRule(const std::string& text, std::span<const std::string> names, const std::string& what);

    // `values` in the order of the names.
    [[nodiscard]] bool holds(std::span<const double> values) const;

private:
    enum class Relation { at_least, above, at_most, below, equal, unequal };
    struct Comparison {
        std::size_t quantity = 0;
        Relation relation = Relation::unequal;
        double number = 0.0;
    };
    static bool holds(const Comparison& comparison, double value);

    std::vector<std::vector<Comparison>> alternatives_;  // any of them, each all of its own
};

}  // namespace braggbench
