#include "labels/draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <sstream>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "labels/recipe_fields.hpp"
#include "labels/streams.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

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

// Gives each variation its share of the images that can have it. Going through them sorted by what is drawn so far, and
// at random within, one is taken whenever the running sum of shares passes a whole number.
void draw_variations(const Recipe& recipe, std::vector<Assignment>& images) {
    std::vector<std::string> names;
    for (const ClassRule& rule : recipe.classes) names.push_back("class." + rule.name);
    for (const VariationRule& rule : recipe.variations) names.push_back("variation." + rule.name);
    std::vector<std::size_t> order(images.size());
    std::vector<double> quantities;
    for (std::size_t v = 0; v < recipe.variations.size(); ++v) {
        const VariationRule& rule = recipe.variations[v];
        const std::string what = "variation." + rule.name;
        const LabelRule among(rule.among, names, what);
        const LabelRule given(rule.given, names, what);
        RandomStream random = stream_of(recipe, 0, what);
        std::vector<double> tie(images.size());
        for (double& number : tie) number = random.uniform();
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::sort(order, {}, [&](std::size_t i) {
            return std::tuple(images[i].split, images[i].class_index, images[i].variations, tie[i]);
        });
        double sum = random.uniform();
        for (const std::size_t i : order) {
            Assignment& image = images[i];
            quantities.assign(names.size(), 0.0);
            quantities[static_cast<std::size_t>(image.class_index)] = 1.0;
            for (std::size_t w = 0; w < v; ++w) {
                quantities[recipe.classes.size() + w] = static_cast<double>(image.variations >> w & 1U);
            }
            if (!among.holds(quantities)) continue;
            const bool other = !rule.given.empty() && given.holds(quantities);
            sum += other ? rule.prevalence_given : rule.prevalence;
            if (sum >= 1.0) {
                sum -= 1.0;
                image.variations |= std::uint64_t{1} << v;
            }
        }
    }
}

// What the beam meets of the crystal at one position of a scan: beam area times the mean chord through a sphere whose
// centre lies within a step of the scan's. The mean runs over seven points of the beam's disc, one in the middle and
// six at the radius that holds half of its area.
double scanned_volume_um3(const Recipe& recipe, std::uint64_t key, int position) {
    const Raster& raster = recipe.raster;
    RandomStream random = stream_of(recipe, key, "raster.crystal");
    const double radius = 0.5 * raster.crystal_diameter_um.draw(random);
    const double x0 = random.uniform(-1.0, 1.0) * raster.step_um;
    const double y0 = random.uniform(-1.0, 1.0) * raster.step_um;
    const double x = (position % raster.columns - 0.5 * (raster.columns - 1)) * raster.step_um - x0;
    const int row = position / raster.columns;
    const double y = (row - 0.5 * (raster.rows - 1)) * raster.step_um - y0;
    constexpr int around = 6;
    double chords = 0.0;
    for (int point = 0; point <= around; ++point) {
        const double reach = point == 0 ? 0.0 : recipe.beam_diameter_um / (2.0 * std::numbers::sqrt2);
        const double angle = 2.0 * std::numbers::pi * point / around;
        const double r2 = std::pow(x + reach * std::cos(angle), 2) + std::pow(y + reach * std::sin(angle), 2);
        if (r2 < radius * radius) chords += 2.0 * std::sqrt(radius * radius - r2);
    }
    const double beam_area = std::numbers::pi * recipe.beam_diameter_um * recipe.beam_diameter_um / 4.0;
    return beam_area * chords / (around + 1);
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

std::uint64_t variations_named(const Recipe& recipe, const std::string& list) {
    std::uint64_t bits = 0;
    std::istringstream text(list);
    for (std::string name; std::getline(text, name, '+');) {
        const auto found = std::ranges::find(recipe.variations, name, &VariationRule::name);
        if (found == recipe.variations.end()) {
            std::vector<std::string> known;
            for (const VariationRule& rule : recipe.variations) known.push_back(rule.name);
            throw UsageError(fmt::format("\"{}\" (no variation has this name). Did you mean \"{}\"?", name,
                                         nearest_name(name, known)));
        }
        bits |= std::uint64_t{1} << (found - recipe.variations.begin());
    }
    return bits;
}

std::uint64_t scene_key(const Recipe& recipe, std::int64_t image_index) {
    return static_cast<std::uint64_t>(image_index / images_per_group(recipe));
}

std::uint64_t noise_key(const Recipe& recipe, std::int64_t image_index) {
    return recipe.members.empty() ? static_cast<std::uint64_t>(image_index) : scene_key(recipe, image_index);
}

std::vector<Assignment> draw_assignments(const Recipe& recipe) {
    const bool raster = recipe.raster.columns > 0;
    const std::int64_t per_group = images_per_group(recipe);
    std::vector<double> weights;
    for (const auto& rule : recipe.classes) weights.push_back(raster ? 0.0 : rule.weight);
    if (raster) weights.back() = 1.0;
    const auto counts = apportion(recipe.image_count / per_group, weights);

    const std::array<double, 3> split_shares = {1.0 - recipe.validation_fraction - recipe.test_fraction,
                                                recipe.validation_fraction, recipe.test_fraction};
    std::vector<Assignment> groups;
    groups.reserve(static_cast<std::size_t>(recipe.image_count / per_group));
    for (std::size_t c = 0; c < counts.size(); ++c) {
        const auto per_split = apportion(counts[c], {split_shares.begin(), split_shares.end()});
        for (std::size_t s = 0; s < per_split.size(); ++s) {
            groups.insert(groups.end(), static_cast<std::size_t>(per_split[s]),
                          Assignment{.class_index = static_cast<int>(c), .split = static_cast<Split>(s)});
        }
    }
    RandomStream random(recipe.seed, 0, Stage::split);
    shuffle(groups, random);
    draw_variations(recipe, groups);
    if (per_group == 1) return groups;

    std::vector<Assignment> assignments;
    assignments.reserve(static_cast<std::size_t>(recipe.image_count));
    for (std::size_t g = 0; g < groups.size(); ++g) {
        for (int m = 0; m < per_group; ++m) {
            Assignment& image = assignments.emplace_back(groups[g]);
            image.member = m;
            if (raster) {
                image.class_index = scanned_volume_um3(recipe, g, m) > 0 ? 1 : 0;
            } else {
                const MemberRule& rule = recipe.members[static_cast<std::size_t>(m)];
                image.variations |= variations_named(recipe, rule.with);
                image.variations &= ~variations_named(recipe, rule.without);
            }
        }
    }
    return assignments;
}

SceneRule draw_scene(const Recipe& recipe, const Assignment& assignment, std::uint64_t key) {
    SceneRule scene = recipe.classes[static_cast<std::size_t>(assignment.class_index)].scene;
    for (std::size_t v = 0; v < recipe.variations.size(); ++v) {
        if ((assignment.variations >> v & 1U) != 0) apply_overlay(recipe.variations[v].overlay, scene);
    }
    if (!recipe.members.empty()) {
        apply_overlay(recipe.members[static_cast<std::size_t>(assignment.member)].overlay, scene);
    }
    for_each_drawn_field(scene, [&](const std::string& name, Distribution& value) {
        RandomStream random = stream_of(recipe, key, name);
        value = Distribution::fixed(value.draw(random));
    });
    if (recipe.raster.columns > 0 && scene.crystal) {
        scene.crystal_volume_um3 = Distribution::fixed(scanned_volume_um3(recipe, key, assignment.member));
    }
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
