#include "labels/recipe.hpp"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <type_traits>

#include "labels/recipe_fields.hpp"
#include "simulator/error.hpp"

namespace braggbench {

double Distribution::draw(RandomStream& random) const {
    switch (law) {
        case Law::uniform:
            return random.uniform(low, high);
        case Law::log_uniform:
            return random.log_uniform(low, high);
        case Law::fixed:
            break;
    }
    return low;
}

namespace {

struct FaultCollector {
    std::string faults;

    void add(const std::string& fault) { faults += (faults.empty() ? "" : "\n") + fault; }

    void operator()(const char* section, const char* key, const Distribution& d, Bounds b, const char* help) {
        const std::string name = fmt::format("{}.{}", section, key);
        if (!(std::isfinite(d.low) && std::isfinite(d.high) && d.low >= b.low && d.high <= b.high)) {
            add(fmt::format("{} = {} .. {} (must lie within {} .. {}: {}).", name, d.low, d.high, b.low, b.high, help));
        } else if (d.low > d.high) {
            add(fmt::format("{} = [{}, {}] (the low end is above the high end). Swap them.", name, d.low, d.high));
        } else if (d.law == Law::log_uniform && !(d.low > 0)) {
            add(fmt::format(
                "{} = log_uniform [{}, {}] (a logarithm needs positive ends). Use uniform, or raise the low end.", name,
                d.low, d.high));
        }
    }
    template <class T>
    void operator()(const char* section, const char* key, const T& value, Bounds b, const char* help) {
        if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
            const auto v = static_cast<double>(value);
            if (!(v >= b.low && v <= b.high)) {
                add(fmt::format("{}{}{} = {} (must lie within {} .. {}: {}).", section, *section ? "." : "", key, value,
                                b.low, b.high, help));
            }
        }
    }
};

}  // namespace

void validate(const Recipe& recipe) {
    FaultCollector collector;
    for_each_corpus_field(recipe, collector);
    for_each_scene_field(recipe.scene, collector);
    if (recipe.name.empty()) collector.add("name is empty (the corpus records it). Give one.");
    if (recipe.validation_fraction + recipe.test_fraction > 0.95) {
        collector.add(
            fmt::format("corpus.validation_fraction + corpus.test_fraction = {} (leaves nothing to train on). Keep "
                        "their sum <= 0.95.",
                        recipe.validation_fraction + recipe.test_fraction));
    }
    if (recipe.classes.empty()) collector.add("no [[class]] (every image needs a label). Add at least one.");
    std::set<std::string> names;
    for (const auto& rule : recipe.classes) {
        FaultCollector of_class;
        for_each_class_field(rule, of_class);
        for_each_scene_field(rule.scene, of_class);
        if (!of_class.faults.empty() && collector.faults.find(of_class.faults) == std::string::npos) {
            collector.add(fmt::format("class \"{}\": {}", rule.name, of_class.faults));
        }
        if (rule.name.empty()) collector.add("class.name is empty. Name every class.");
        if (!names.insert(rule.name).second) {
            collector.add(fmt::format("class.name = \"{}\" twice (labels must differ). Rename one.", rule.name));
        }
        if (rule.scene.crystal && rule.scene.fluence_photons_per_m2.high <= 0) {
            collector.add(
                fmt::format("class \"{}\" has a crystal but no X-rays (it would show no peak). Set "
                            "beam.fluence_photons_per_m2 above 0 or crystal.present = false.",
                            rule.name));
        }
    }
    if (!collector.faults.empty()) throw UsageError(collector.faults);
}

}  // namespace braggbench
