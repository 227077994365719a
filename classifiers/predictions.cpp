#include "classifiers/predictions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "datasets/recipe_toml.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

void require_labels(const Head& head, const HeadSource& source) {
    const auto& known = head.kind == HeadKind::multi_label  ? source.labels.attributes
                        : head.kind == HeadKind::regression ? source.labels.values
                                                            : source.class_names;
    const bool matches =
        head.kind != HeadKind::one_of_n
            ? std::ranges::all_of(head.outputs,
                                  [&](const auto& name) { return std::ranges::find(known, name) != known.end(); })
        : head.output_of_class.empty() ? head.outputs == known
                                       : head.output_of_class.size() == known.size();
    if (!matches) {
        throw UsageError(
            fmt::format("{}: its {} are not those of the model's head \"{}\" (the answers cannot be "
                        "compared). Use a corpus of the recipe that the model was trained on.",
                        source.origin, head.kind == HeadKind::one_of_n ? "classes" : head.name, head.name));
    }
}

}  // namespace

std::string split_name(Split split) {
    switch (split) {
        case Split::train:
            return "train";
        case Split::validation:
            return "validation";
        case Split::test:
            return "test";
    }
    return "";
}

HeadSource head_source(const Recipe& recipe, const CorpusInfo& info, std::string origin) {
    HeadSource source{info.class_names, {}, info.labels, std::move(origin)};
    for (const auto& rule : recipe.classes) {
        if (rule.scene.crystal) source.hit_classes.push_back(rule.name);
    }
    return source;
}

HeadSource head_source(const CorpusReader& corpus) {
    const auto& info = corpus.info();
    // An imported corpus has no recipe, and none of its classes is known to be a hit.
    Recipe recipe;
    if (info.import_note.empty()) recipe = parse_recipe(info.recipe_toml, corpus.path().string());
    return head_source(recipe, info, corpus.path().string());
}

std::vector<std::vector<float>> truth_of(const CorpusReader& corpus, std::span<const Head> heads,
                                         std::span<const std::int64_t> image_indices) {
    const auto source = head_source(corpus);
    for (const auto& head : heads) require_labels(head, source);
    std::vector<std::vector<float>> truth;
    truth.reserve(image_indices.size());
    for (const auto index : image_indices) {
        const auto i = static_cast<std::size_t>(index);
        truth.push_back(targets_of(heads, source, corpus.class_indices()[i], corpus.labels()[i]));
    }
    return truth;
}

}  // namespace braggbench
