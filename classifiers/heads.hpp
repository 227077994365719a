// What a model answers about an image: heads, each a part of its outputs, and what is true of an image for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "labels/schema.hpp"

namespace braggbench {

enum class HeadKind : std::uint8_t {
    one_of_n,     // exclusive classes: softmax over the head's outputs
    multi_label,  // attributes that are true or false each by itself: a sigmoid each
    regression    // numbers, each standardised by mean and deviation of the train split
};
std::string to_string(HeadKind kind);  // "one_of_n", "multi_label", "regression"

// Outputs of one head, in the order in which the model gives them.
struct Head {
    std::string name;  // "class", "hit", "attributes", "values"
    HeadKind kind = HeadKind::one_of_n;
    std::vector<std::string> outputs;  // names of classes, attributes or values
    double loss_weight = 1.0;          // among the heads of one model
    // "hit" alone: the outputs[] index of each class of the corpus.
    std::vector<int> output_of_class;
    // Regression alone, one per output: value = mean + deviation * what the network gives.
    std::vector<double> means;
    std::vector<double> deviations;
    std::vector<std::string> units;

    // Columns of the truth: the index of the class, or one per output.
    [[nodiscard]] std::size_t target_count() const { return kind == HeadKind::one_of_n ? 1 : outputs.size(); }
    bool operator==(const Head&) const = default;
};
void to_json(nlohmann::json& json, const Head& head);
void from_json(const nlohmann::json& json, Head& head);

std::size_t output_count(std::span<const Head> heads);
std::size_t target_count(std::span<const Head> heads);
// How many outputs come before those of this head; throws UsageError if there is none of that name.
std::size_t output_offset(std::span<const Head> heads, const std::string& name);

// What is not known of an image, or not defined: neither learned from nor scored.
inline constexpr float unknown_target = std::numeric_limits<float>::quiet_NaN();

// All that labels offer heads.
struct HeadSource {
    std::vector<std::string> class_names;
    std::vector<std::string> hit_classes;  // empty if it is not known which classes are hits
    LabelNames labels;
    std::string origin;  // for messages: the corpus' path or the recipe's name
};

// Heads from their text forms: "class", "hit", "attributes", "attributes=ice,badice", "values", "values=mosaic1", each
// with "@WEIGHT" behind it if its loss counts otherwise than once. Throws UsageError for what the source does not have,
// naming what it has, for heads named twice, and for fewer than two classes.
std::vector<Head> make_heads(std::span<const std::string> texts, const HeadSource& source);

// What is true of one image, a column per target of all heads: a class index, 0 or 1, a value, or unknown_target.
std::vector<float> targets_of(std::span<const Head> heads, const HeadSource& source, int class_index,
                              const ImageLabels& labels);

}  // namespace braggbench
