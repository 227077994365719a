#include "labels/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "labels/draw.hpp"
#include "labels/recipe.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

bool ImageLabels::operator==(const ImageLabels& other) const {
    const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    return attributes == other.attributes && grade == other.grade && std::ranges::equal(values, other.values, same);
}

const char* units_of(std::string_view quantity) {
    constexpr std::array<std::pair<std::string_view, const char*>, 11> units = {{{"_px", "pixels"},
                                                                                 {"_um", "um"},
                                                                                 {"_um3", "um^3"},
                                                                                 {"_nm", "nm"},
                                                                                 {"_mm", "mm"},
                                                                                 {"_deg", "deg"},
                                                                                 {"_mrad", "mrad"},
                                                                                 {"_A", "angstrom"},
                                                                                 {"_A2", "angstrom^2"},
                                                                                 {"_per_m2", "1/m^2"},
                                                                                 {"_invA", "1/angstrom"}}};
    for (const auto& [ending, unit] : units) {
        if (quantity.ends_with(ending)) return unit;
    }
    return "1";
}

LabelNames label_names(const LabelSchema& schema) {
    LabelNames names;
    for (const AttributeRule& rule : schema.attributes) names.attributes.push_back(rule.name);
    for (const RegressionRule& rule : schema.values) {
        names.values.push_back(rule.name);
        names.value_units.emplace_back(units_of(rule.quantity));
    }
    names.graded = !schema.grade.quantity.empty();
    return names;
}

// The order is that of the values in Labeller::labels().
std::vector<std::string> quantity_names(const Recipe& recipe) {
    std::vector<std::string> names = drawn_names();
    for (const TruthColumn& column : truth_columns) names.emplace_back(column.name);
    for (const ClassRule& rule : recipe.classes) names.push_back("class." + rule.name);
    for (const VariationRule& rule : recipe.variations) names.push_back("variation." + rule.name);
    return names;
}

Labeller::Labeller(const Recipe& recipe)
    : class_count_(recipe.classes.size()), variation_count_(recipe.variations.size()), grade_(recipe.labels.grade) {
    const std::vector<std::string> names = quantity_names(recipe);
    quantity_count_ = names.size();
    const auto number_of = [&](const std::string& quantity, const std::string& what) {
        const auto found = std::ranges::find(names, quantity);
        if (found == names.end()) {
            throw UsageError(fmt::format("{}: quantity = \"{}\" (there is none of this name). Did you mean \"{}\"?",
                                         what, quantity, nearest_name(quantity, names)));
        }
        return static_cast<std::size_t>(found - names.begin());
    };
    for (const AttributeRule& rule : recipe.labels.attributes) {
        attributes_.emplace_back(rule.rule, names, fmt::format("attribute \"{}\"", rule.name));
    }
    for (const RegressionRule& rule : recipe.labels.values) {
        const std::string what = fmt::format("value \"{}\"", rule.name);
        values_.push_back({number_of(rule.quantity, what), LabelRule(rule.where, names, what), rule.otherwise});
    }
    if (!grade_.quantity.empty()) grade_quantity_ = number_of(grade_.quantity, "grade");
}

ImageLabels Labeller::labels(int class_index, std::uint64_t variations, std::span<const float> drawn,
                             const ImageTruth& truth) const {
    std::vector<double> quantities(drawn.begin(), drawn.end());
    quantities.reserve(quantity_count_);
    for (const TruthColumn& column : truth_columns) {
        quantities.push_back(static_cast<double>(truth.*(column.member)));
    }
    for (std::size_t c = 0; c < class_count_; ++c) {
        quantities.push_back(static_cast<int>(c) == class_index ? 1.0 : 0.0);
    }
    for (std::size_t v = 0; v < variation_count_; ++v) quantities.push_back(static_cast<double>(variations >> v & 1U));

    ImageLabels labels;
    for (const LabelRule& rule : attributes_) labels.attributes.push_back(rule.holds(quantities) ? 1 : 0);
    for (const Value& value : values_) {
        const bool defined = value.where.holds(quantities);
        labels.values.push_back(static_cast<float>(defined ? quantities[value.quantity] : value.otherwise));
    }
    if (!grade_.quantity.empty()) {
        const double measure = quantities[grade_quantity_];
        if (measure >= grade_.maybe_from) labels.grade = Grade::maybe;
        if (measure >= grade_.hit_from) labels.grade = Grade::hit;
    }
    return labels;
}

}  // namespace braggbench
