// What the labels of an image are and by which rules they follow from its truth. How images are drawn is another matter
// (labels/recipe.hpp): the same rule tells the label of a drawn image and of a part of it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "labels/label_rule.hpp"
#include "labels/truth.hpp"

namespace braggbench {

struct Recipe;

// True or false of an image, beside others that may be true at once: [[attribute]].
struct AttributeRule {
    std::string name;
    std::string rule;  // as LabelRule takes it
};

// A number to regress, in the units that its quantity's name ends in: [[value]].
struct RegressionRule {
    std::string name;
    std::string quantity;
    std::string where;  // a rule; empty = everywhere
    double otherwise = std::numeric_limits<double>::quiet_NaN();
};

// Miss, maybe or hit by one quantity: [grade]. No quantity, no grades.
struct GradeRule {
    std::string quantity;
    double maybe_from = 0.0;
    double hit_from = 0.0;
};

struct LabelSchema {
    std::vector<AttributeRule> attributes;
    std::vector<RegressionRule> values;
    GradeRule grade;
};

enum class Grade : std::uint8_t { miss = 0, maybe = 1, hit = 2 };

// The labels of one image beside its class, in the order of their rules.
struct ImageLabels {
    std::vector<std::uint8_t> attributes;  // 0, 1 or `unknown`
    std::vector<float> values;             // NaN = undefined
    Grade grade = Grade::miss;

    static constexpr std::uint8_t unknown = 255;      // of imported images
    bool operator==(const ImageLabels& other) const;  // undefined equals undefined
};

// What a file of labelled images says of its labels.
struct LabelNames {
    std::vector<std::string> attributes;
    std::vector<std::string> values;
    std::vector<std::string> value_units;
    bool graded = false;
};
LabelNames label_names(const LabelSchema& schema);

// The names that rules may use: what is drawn ("ice.thickness_um"), ImageTruth's columns, "class.NAME" and
// "variation.NAME" (0 or 1).
std::vector<std::string> quantity_names(const Recipe& recipe);

// The units that a quantity's name ends in, as NeXus writes them; "1" for a pure number.
const char* units_of(std::string_view quantity);

// The rules of a recipe, ready to be applied. Throws UsageError for a rule that cannot be read.
class Labeller {
public:
    explicit Labeller(const Recipe& recipe);

    // `drawn` as drawn_values() gives it; bit v of `variations` says whether variation v is there.
    [[nodiscard]] ImageLabels labels(int class_index, std::uint64_t variations, std::span<const float> drawn,
                                     const ImageTruth& truth) const;

private:
    struct Value {
        std::size_t quantity = 0;
        LabelRule where;
        double otherwise = 0.0;
    };
    std::size_t class_count_ = 0;
    std::size_t variation_count_ = 0;
    std::size_t quantity_count_ = 0;
    std::vector<LabelRule> attributes_;
    std::vector<Value> values_;
    std::size_t grade_quantity_ = 0;
    GradeRule grade_;
};

}  // namespace braggbench
