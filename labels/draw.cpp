#include "labels/draw.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>
#include <type_traits>

#include "labels/recipe_fields.hpp"
#include "labels/streams.hpp"

namespace braggbench {

namespace {

// `total` things shared in proportion to `weights`: floors first, the rest to the largest remainders, ties to the
// earlier entry.
std::vector<std::int64_t> apportion(std::int64_t total, const std::vector<double>& weights) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<std::int64_t> counts(weights.size());
    std::vector<std::pair<double, std::size_t>> remainders(weights.size());
    std::int64_t given = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double share = static_cast<double>(total) * weights[i] / sum;
        counts[i] = static_cast<std::int64_t>(std::floor(share));
        remainders[i] = {-(share - std::floor(share)), i};
        given += counts[i];
    }
    std::sort(remainders.begin(), remainders.end());
    for (std::size_t i = 0; given < total; ++i, ++given) ++counts[remainders[i % remainders.size()].second];
    return counts;
}

void shuffle(std::vector<Assignment>& assignments, RandomStream& random) {
    for (std::size_t i = assignments.size(); i > 1; --i) {
        const auto j = static_cast<std::size_t>(random.uniform() * static_cast<double>(i));
        std::swap(assignments[i - 1], assignments[std::min(j, i - 1)]);
    }
}

template <class SceneRef, class Visitor>
void for_each_drawn_field(SceneRef& scene, const Visitor& visit) {
    for_each_scene_field(scene, [&](const char* section, const char* key, auto& value, Bounds, const char*) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Distribution>) {
            visit(std::string(section) + "." + key, value);
        }
    });
}

}  // namespace

std::vector<Assignment> draw_assignments(const Recipe& recipe) {
    std::vector<double> weights;
    for (const auto& rule : recipe.classes) weights.push_back(rule.weight);
    const auto counts = apportion(recipe.image_count, weights);

    const std::array<double, 3> split_shares = {1.0 - recipe.validation_fraction - recipe.test_fraction,
                                                recipe.validation_fraction, recipe.test_fraction};
    std::vector<Assignment> assignments;
    assignments.reserve(static_cast<std::size_t>(recipe.image_count));
    for (std::size_t c = 0; c < counts.size(); ++c) {
        const auto per_split = apportion(counts[c], {split_shares.begin(), split_shares.end()});
        for (std::size_t s = 0; s < per_split.size(); ++s) {
            assignments.insert(assignments.end(), static_cast<std::size_t>(per_split[s]),
                               Assignment{static_cast<int>(c), static_cast<Split>(s)});
        }
    }
    RandomStream random(recipe.seed, 0, Stage::split);
    shuffle(assignments, random);
    return assignments;
}

SceneRule draw_scene(const Recipe& recipe, const Assignment& assignment, std::uint64_t image_index) {
    SceneRule scene = recipe.classes[static_cast<std::size_t>(assignment.class_index)].scene;
    for_each_drawn_field(scene, [&](const std::string& name, Distribution& value) {
        RandomStream random = stream_of(recipe, image_index, name);
        value = Distribution::fixed(value.draw(random));
    });
    return scene;
}

std::vector<std::string> drawn_names() {
    std::vector<std::string> names;
    const SceneRule scene;
    for_each_drawn_field(scene, [&](const std::string& name, const Distribution&) { names.push_back(name); });
    return names;
}

std::vector<float> drawn_values(const SceneRule& drawn) {
    std::vector<float> values;
    for_each_drawn_field(
        drawn, [&](const std::string&, const Distribution& value) { values.push_back(static_cast<float>(value.low)); });
    return values;
}

}  // namespace braggbench
