#include "classifiers/audit_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>

#include "datasets/recipe_toml.hpp"
#include "labels/recipe_fields.hpp"
#include "simulator/error.hpp"

namespace braggbench {

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
// A class dealt out in turn repeats with the number of classes, and a writer's batches are powers of two.
constexpr std::array<std::int64_t, 8> moduli = {2, 3, 4, 5, 6, 7, 8, 16};

struct ImageNumber {
    const char* name;
    NuisanceKind kind;
    double ImageStatistics::*member;
};
constexpr std::array<ImageNumber, 11> image_numbers = {{
    {"total intensity", NuisanceKind::image, &ImageStatistics::total_adu},
    {"mean", NuisanceKind::image, &ImageStatistics::mean_adu},
    {"median", NuisanceKind::image, &ImageStatistics::median_adu},
    {"standard deviation", NuisanceKind::image, &ImageStatistics::sigma_adu},
    {"maximum", NuisanceKind::image, &ImageStatistics::max_adu},
    {"1 % quantile", NuisanceKind::image, &ImageStatistics::p01_adu},
    {"99 % quantile", NuisanceKind::image, &ImageStatistics::p99_adu},
    {"background in the corners", NuisanceKind::image, &ImageStatistics::corners_adu},
    {"background at the edges", NuisanceKind::image, &ImageStatistics::edges_adu},
    {"saturated pixels", NuisanceKind::image, &ImageStatistics::saturated_px},
    {"compressed bytes", NuisanceKind::file, &ImageStatistics::stored_bytes},
}};

bool constant(const std::vector<double>& values) {
    double first = undefined;
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        if (std::isnan(first)) first = value;
        if (value != first) return false;
    }
    return true;
}

// "section.key" of the drawn fields that are not the same in all classes.
std::set<std::string> fields_of_classes(const Recipe& recipe) {
    std::set<std::string> names;
    std::vector<std::pair<std::string, Distribution>> first;
    for (const ClassRule& rule : recipe.classes) {
        std::size_t at = 0;
        for_each_scene_field(rule.scene,
                             [&](const char* section, const char* key, const auto& value, Bounds, const char*) {
                                 if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Distribution>) {
                                     if (&rule == &recipe.classes.front()) {
                                         first.emplace_back(fmt::format("{}.{}", section, key), value);
                                     } else if (!(value == first[at].second)) {
                                         names.insert(first[at].first);
                                     }
                                     ++at;
                                 }
                             });
    }
    return names;
}

void add_quantities(const Recipe& recipe, const std::string& rule, std::set<std::string>& names) {
    std::istringstream words(rule);
    for (std::string word; words >> word;) {
        if (word.starts_with("class.")) {
            names.merge(fields_of_classes(recipe));
        } else if (word.starts_with("variation.")) {
            for (const VariationRule& variation : recipe.variations) {
                // Rules of a variation name earlier ones only, so this ends.
                if ("variation." + variation.name != word) continue;
                names.insert(variation.overlay.stated.begin(), variation.overlay.stated.end());
                add_quantities(recipe, variation.among, names);
                add_quantities(recipe, variation.given, names);
            }
        } else {
            names.insert(word);
        }
    }
}

// The label columns of all corpora, joined by name and kind.
std::vector<LabelColumn> join_labels(std::span<const CorpusReader* const> corpora) {
    std::vector<LabelColumn> joined;
    std::size_t before = 0;
    for (const CorpusReader* corpus : corpora) {
        const auto images = static_cast<std::size_t>(corpus->info().image_count);
        for (LabelColumn& column : label_columns(*corpus)) {
            auto found = std::ranges::find_if(
                joined, [&](const LabelColumn& c) { return c.name == column.name && c.kind == column.kind; });
            if (found == joined.end()) {
                joined.push_back({column.name, column.kind, column.units, {}});
                found = joined.end() - 1;
                // A class of another corpus is none of those of an earlier one.
                found->values.assign(before, column.kind == LabelKind::of_class ? 0.0 : undefined);
            }
            found->values.insert(found->values.end(), column.values.begin(), column.values.end());
        }
        before += images;
        for (LabelColumn& column : joined) {
            column.values.resize(before, column.kind == LabelKind::of_class ? 0.0 : undefined);
        }
    }
    return joined;
}

class Builder {
public:
    explicit Builder(AuditTable& table) : table_(table) {}

    Nuisance& of(const std::string& name, NuisanceKind kind, bool category = false) {
        const auto found = std::ranges::find(table_.nuisances, name, &Nuisance::name);
        if (found != table_.nuisances.end()) return *found;
        table_.nuisances.push_back({name, kind, category, std::vector<double>(before_, undefined), {}});
        return table_.nuisances.back();
    }
    void close(std::size_t images) {
        before_ += images;
        for (Nuisance& nuisance : table_.nuisances) nuisance.values.resize(before_, undefined);
    }

private:
    AuditTable& table_;
    std::size_t before_ = 0;
};

std::vector<double> column(std::size_t images, const std::function<double(std::size_t)>& number) {
    std::vector<double> values(images);
    for (std::size_t i = 0; i < images; ++i) values[i] = number(i);
    return values;
}

void append(Nuisance& nuisance, const std::vector<double>& values) {
    nuisance.values.insert(nuisance.values.end(), values.begin(), values.end());
}

// Groups as numbers from 0 in the order in which they appear. One group for a whole file says that it has none.
std::vector<std::int64_t> dense_groups(const std::vector<std::int64_t>& groups) {
    if (std::ranges::adjacent_find(groups, std::ranges::not_equal_to()) == groups.end()) {
        std::vector<std::int64_t> each(groups.size());
        std::iota(each.begin(), each.end(), std::int64_t{0});
        return each;
    }
    std::map<std::int64_t, std::int64_t> numbers;
    std::vector<std::int64_t> dense;
    for (const std::int64_t group : groups) {
        dense.push_back(numbers.try_emplace(group, static_cast<std::int64_t>(numbers.size())).first->second);
    }
    return dense;
}

void add_used(const CorpusReader& corpus, AuditTable& table) {
    if (corpus.info().recipe_toml.empty()) return;
    std::optional<Recipe> recipe;
    try {
        recipe = parse_recipe(corpus.info().recipe_toml, corpus.path().string() + " (its recipe)");
    } catch (const UsageError& error) {
        throw DataError(error.what());
    }
    for (const LabelColumn& label : table.labels) {
        for (const std::string& name : quantities_behind(*recipe, label)) {
            const auto found = std::ranges::find(table.nuisances, name, &Nuisance::name);
            if (found == table.nuisances.end()) continue;
            if (std::ranges::find(found->used_by, label.name) == found->used_by.end()) {
                found->used_by.push_back(label.name);
            }
        }
    }
}

}  // namespace

const char* name_of(NuisanceKind kind) {
    switch (kind) {
        case NuisanceKind::image:
            return "image";
        case NuisanceKind::geometry:
            return "geometry";
        case NuisanceKind::file:
            return "file";
        case NuisanceKind::drawn:
            return "drawn";
    }
    return "";
}

std::vector<std::string> quantities_behind(const Recipe& recipe, const LabelColumn& label) {
    std::set<std::string> names;
    const LabelSchema& schema = recipe.labels;
    switch (label.kind) {
        case LabelKind::of_class:
            names = fields_of_classes(recipe);
            break;
        case LabelKind::attribute:
            for (const AttributeRule& rule : schema.attributes) {
                if (rule.name == label.name) add_quantities(recipe, rule.rule, names);
            }
            break;
        case LabelKind::grade:
            names.insert(schema.grade.quantity);
            break;
        case LabelKind::value:
            for (const RegressionRule& rule : schema.values) {
                if (rule.name == label.name) add_quantities(recipe, rule.quantity + " " + rule.where, names);
            }
            break;
    }
    return {names.begin(), names.end()};
}

AuditTable audit_table(std::span<const CorpusReader* const> corpora,
                       std::span<const std::vector<ImageStatistics>* const> statistics) {
    AuditTable table;
    table.labels = join_labels(corpora);
    Builder builder(table);
    std::vector<std::int64_t> group_keys;
    for (std::size_t k = 0; k < corpora.size(); ++k) {
        const CorpusReader& corpus = *corpora[k];
        const std::vector<ImageStatistics>& measured = *statistics[k];
        const auto images = static_cast<std::size_t>(corpus.info().image_count);
        table.corpora.push_back(corpus.path().string());
        table.splits.insert(table.splits.end(), corpus.splits().begin(), corpus.splits().end());
        const std::vector<std::int64_t> groups = dense_groups(corpus.groups());
        const std::int64_t first_group = group_keys.empty() ? 0 : 1 + std::ranges::max(group_keys);
        for (const std::int64_t group : groups) group_keys.push_back(first_group + group);

        for (const ImageNumber& number : image_numbers) {
            append(builder.of(number.name, number.kind),
                   column(images, [&](std::size_t i) { return measured[i].*(number.member); }));
        }
        const auto truth = [&](float ImageTruth::*member) {
            return column(images,
                          [&, member](std::size_t i) { return static_cast<double>(corpus.truth()[i].*member); });
        };
        append(builder.of("beam centre, fast", NuisanceKind::geometry), truth(&ImageTruth::beam_fast_px));
        append(builder.of("beam centre, slow", NuisanceKind::geometry), truth(&ImageTruth::beam_slow_px));
        append(builder.of("image width", NuisanceKind::geometry), std::vector<double>(images, corpus.info().width_px));
        append(builder.of("image height", NuisanceKind::geometry),
               std::vector<double>(images, corpus.info().height_px));
        append(builder.of("which corpus", NuisanceKind::file, true),
               std::vector<double>(images, static_cast<double>(k)));
        // Within a group the order is the recipe's arrangement and told by the member.
        append(builder.of("order in the file", NuisanceKind::file),
               column(images, [&](std::size_t i) { return static_cast<double>(groups[i]); }));
        for (const std::int64_t modulus : moduli) {
            append(builder.of(fmt::format("order modulo {}", modulus), NuisanceKind::file, true),
                   column(images, [&](std::size_t i) { return static_cast<double>(groups[i] % modulus); }));
        }
        append(builder.of("member of its group", NuisanceKind::drawn, true),
               column(images, [&](std::size_t i) { return static_cast<double>(corpus.members()[i]); }));
        for (const std::string& name : corpus.info().drawn_names) {
            const std::vector<float> drawn = corpus.drawn(name);
            append(builder.of(name, NuisanceKind::drawn), std::vector<double>(drawn.begin(), drawn.end()));
        }
        builder.close(images);
    }
    // One size makes the total and the mean the same ranking.
    const bool one_size = std::ranges::all_of(corpora, [&](const CorpusReader* corpus) {
        return corpus->info().width_px == corpora.front()->info().width_px &&
               corpus->info().height_px == corpora.front()->info().height_px;
    });
    std::erase_if(table.nuisances, [&](const Nuisance& nuisance) {
        return constant(nuisance.values) || (one_size && nuisance.name == "mean");
    });
    for (const CorpusReader* corpus : corpora) add_used(*corpus, table);
    const std::set<std::int64_t> distinct(group_keys.begin(), group_keys.end());
    if (distinct.size() < group_keys.size()) table.groups = std::move(group_keys);
    return table;
}

}  // namespace braggbench
