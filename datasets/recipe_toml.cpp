#include "datasets/recipe_toml.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <type_traits>

#include "labels/recipe_fields.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {

namespace {

std::string place(const toml::node& node, std::string_view source) {
    const auto& begin = node.source().begin;
    // A recipe that extends another has nodes of both.
    const auto& path = node.source().path;
    return begin ? fmt::format("{}:{}:{}", path ? std::string_view(*path) : source, begin.line, begin.column)
                 : std::string("--set");
}

[[noreturn]] void fail(const toml::node& node, std::string_view source, const std::string& message) {
    throw UsageError(fmt::format("{}: {}", place(node, source), message));
}

Distribution parse_distribution(const toml::node& node, std::string_view source, const std::string& name) {
    if (const auto number = node.value<double>()) return Distribution::fixed(*number);
    if (const auto* table = node.as_table(); table != nullptr && table->size() == 1) {
        for (const auto& [name_of_law, law] :
             {std::pair("uniform", Law::uniform), std::pair("log_uniform", Law::log_uniform)}) {
            const auto* ends = table->get_as<toml::array>(name_of_law);
            if (ends == nullptr || ends->size() != 2) continue;
            const auto low = ends->get(0)->value<double>();
            const auto high = ends->get(1)->value<double>();
            if (low && high) return {law, *low, *high};
        }
    }
    fail(node, source,
         fmt::format("{} is not a distribution. Write a number, {{ uniform = [low, high] }} or "
                     "{{ log_uniform = [low, high] }}.",
                     name));
}

constexpr std::array<std::string_view, 5> arrays_of_tables = {"class", "variation", "member", "attribute", "value"};

// Reads fields out of a table and remembers the keys it was asked for.
class FieldReader {
public:
    FieldReader(const toml::table& root, std::string_view source) : root_(root), source_(source) {}

    template <class T>
    void operator()(const char* section, const char* key, T& value, Bounds, const char*) {
        known_[section].emplace_back(key);
        const toml::table* table = &root_;
        if (!is_top_level(section)) {
            const auto* node = root_.get(section);
            if (node == nullptr) return;
            table = node->as_table();
            if (table == nullptr)
                fail(*node, source_, fmt::format("{} must be a table: write [{}].", section, section));
        }
        const auto* node = table->get(key);
        if (node == nullptr) return;
        const std::string name = *section != '\0' ? fmt::format("{}.{}", section, key) : std::string(key);
        stated_.push_back(name);
        if constexpr (std::is_same_v<T, Distribution>) {
            value = parse_distribution(*node, source_, name);
        } else if constexpr (std::is_same_v<T, std::string>) {
            read<std::string>(*node, name, value, "a string");
        } else if constexpr (std::is_same_v<T, bool>) {
            read<bool>(*node, name, value, "true or false");
        } else if constexpr (std::is_integral_v<T>) {
            std::int64_t number = 0;
            read<std::int64_t>(*node, name, number, "a whole number");
            if (std::is_unsigned_v<T> && number < 0)
                fail(*node, source_, fmt::format("{} = {} is negative.", name, number));
            if (number < std::int64_t{std::numeric_limits<std::int32_t>::min()} && sizeof(T) == 4) {
                fail(*node, source_, fmt::format("{} = {} is out of range.", name, number));
            }
            if (number > std::int64_t{std::numeric_limits<std::int32_t>::max()} && sizeof(T) == 4) {
                fail(*node, source_, fmt::format("{} = {} is out of range.", name, number));
            }
            value = static_cast<T>(number);
        } else {
            if (node->is_boolean()) fail(*node, source_, fmt::format("{} must be a number.", name));
            read<double>(*node, name, value, "a number");
        }
    }

    // "section.key" of the fields that the table states.
    [[nodiscard]] const std::vector<std::string>& stated() const { return stated_; }

    // Every key that no field claimed is an error; `extra` are further keys of the top level.
    void refuse_unknown(std::vector<std::string> extra) const {
        for (const auto& [section, keys] : known_) {
            if (is_top_level(section)) {
                extra.insert(extra.end(), keys.begin(), keys.end());
                continue;
            }
            extra.push_back(section);
            if (const auto* table = root_.get_as<toml::table>(section)) {
                refuse_unknown_in(*table, section + ".", keys);
            }
        }
        const auto array = std::ranges::find_if(known_, [](const auto& k) { return in_array(k.first); });
        refuse_unknown_in(root_, array == known_.end() ? "" : array->first + ".", extra);
    }

private:
    // The keys of a [[class]] stand in its table itself.
    static bool in_array(std::string_view section) {
        return std::ranges::find(arrays_of_tables, section) != arrays_of_tables.end();
    }
    static bool is_top_level(std::string_view section) { return section.empty() || in_array(section); }

    void refuse_unknown_in(const toml::table& table, const std::string& prefix,
                           const std::vector<std::string>& names) const {
        for (const auto& [key, node] : table) {
            const std::string name(key.str());
            if (std::find(names.begin(), names.end(), name) != names.end()) continue;
            fail(node, source_,
                 fmt::format("unknown key \"{}\". Did you mean \"{}\"?", prefix + name,
                             prefix + nearest_name(name, names)));
        }
    }

    template <class T>
    void read(const toml::node& node, const std::string& name, T& value, const char* wanted) {
        const auto got = node.value<T>();
        if (!got) fail(node, source_, fmt::format("{} must be {}.", name, wanted));
        value = *got;
    }

    const toml::table& root_;
    std::string_view source_;
    std::map<std::string, std::vector<std::string>> known_;
    std::vector<std::string> stated_;
};

// The table in a [[section]] whose `name` is this one; null without.
toml::table* entry_named(toml::array& entries, std::string_view name) {
    for (toml::node& entry : entries) {
        toml::table* table = entry.as_table();
        if (table != nullptr && (*table)["name"].value<std::string>() == name) return table;
    }
    return nullptr;
}

// Moves `top` over `base`: tables key by key, entries of a [[section]] by their names. (Copies would forget their
// places in the text.)
void lay_over(toml::table& base, toml::table& top) {
    for (auto&& [key, node] : top) {
        toml::node* below = base.get(key.str());
        if (node.is_table() && below != nullptr && below->is_table()) {
            lay_over(*below->as_table(), *node.as_table());
            continue;
        }
        const bool entries = std::ranges::find(arrays_of_tables, key.str()) != arrays_of_tables.end();
        if (entries && node.is_array() && below != nullptr && below->is_array()) {
            for (toml::node& entry : *node.as_array()) {
                const auto name = entry.is_table() ? (*entry.as_table())["name"].value<std::string>() : std::nullopt;
                toml::table* same = name ? entry_named(*below->as_array(), *name) : nullptr;
                if (same != nullptr) {
                    lay_over(*same, *entry.as_table());
                } else {
                    entry.visit([&](auto& concrete) { below->as_array()->push_back(std::move(concrete)); });
                }
            }
            continue;
        }
        node.visit([&](auto& concrete) { base.insert_or_assign(key.str(), std::move(concrete)); });
    }
}

// Sets a dotted key to a value written as TOML; a bare word that is no TOML value is taken as a string.
void apply_override(toml::table& root, const std::string& assignment) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw UsageError(
            fmt::format("--set {} is not of the form key=value. Example: --set crystal.model=lysozyme", assignment));
    }
    const std::string path = assignment.substr(0, equals);
    const std::string text = assignment.substr(equals + 1);
    toml::table parsed;
    try {
        parsed = toml::parse("value = " + text);
    } catch (const toml::parse_error&) {
        parsed.clear();
        parsed.insert("value", text);
    }
    toml::table* table = &root;
    std::size_t begin = 0;
    for (auto dot = path.find('.'); dot != std::string::npos; begin = dot + 1, dot = path.find('.', begin)) {
        const std::string section = path.substr(begin, dot - begin);
        if (table->get(section) == nullptr) table->insert(section, toml::table{});
        toml::node& node = *table->get(section);
        table = node.as_table();
        if (auto* entries = node.as_array()) {
            // "class.strong.weight": the next word is the name of one of them.
            begin = dot + 1;
            dot = std::min(path.find('.', begin), path.size());
            table = entry_named(*entries, path.substr(begin, dot - begin));
            if (dot == path.size()) table = nullptr;
        }
        if (table == nullptr) {
            throw UsageError(
                fmt::format("--set {}: \"{}\" names no table of this recipe. Write section.key=value, or "
                            "class.NAME.key=value for a class (or variation, member, attribute, value) "
                            "that it has.",
                            assignment, path.substr(0, dot)));
        }
    }
    // toml++ keeps the source region of the replaced value's text; a fresh node has none, which reads as "--set".
    toml::node& value = *parsed.get("value");
    value.visit([&](auto& concrete) {
        using Node = std::remove_cvref_t<decltype(concrete)>;
        Node copy(concrete);
        table->insert_or_assign(path.substr(begin), std::move(copy));
    });
}

// A preset that is asked for on the command line takes the place of the recipe's own detector.
void forget_detector(toml::table& root) {
    root.erase("response");
    if (auto* detector = root.get_as<toml::table>("detector")) {
        for (const char* key : {"preset", "assembled", "width_px", "height_px", "pixel_size_mm", "beam_fast_px",
                                "beam_slow_px", "sensor_thickness_um", "sensor_attenuation_length_um"}) {
            detector->erase(key);
        }
    }
}

std::string toml_text(const Distribution& d) {
    switch (d.law) {
        case Law::uniform:
            return fmt::format("{{ uniform = [{}, {}] }}", d.low, d.high);
        case Law::log_uniform:
            return fmt::format("{{ log_uniform = [{}, {}] }}", d.low, d.high);
        case Law::fixed:
            break;
    }
    return fmt::format("{}", d.low);
}
std::string toml_text(const std::string& text) {
    std::ostringstream out;
    out << toml::value<std::string>(text);
    return out.str();
}
std::string toml_text(bool value) { return value ? "true" : "false"; }
template <class T>
std::string toml_text(const T& value) {
    return fmt::format("{}", value);
}

// The tables of a [[name]].
template <class Visit>
void for_each_entry(const toml::table& root, std::string_view source, const char* name, const Visit& visit) {
    const toml::node* node = root.get(name);
    if (node == nullptr) return;
    const toml::array* entries = node->as_array();
    if (entries == nullptr || !entries->is_homogeneous(toml::node_type::table)) {
        fail(*node, source, fmt::format("{} must be an array of tables: write [[{}]] once for each.", name, name));
    }
    for (const toml::node& entry : *entries) visit(*entry.as_table());
}

// A rule of a [[variation]] or [[member]]: its own fields, visited by `for_each_own_field`, and the scene's that it
// states.
template <class Rule, class Visit>
Rule read_overlaid(const toml::table& entry, std::string_view source, const SceneRule& scene,
                   const Visit& for_each_own_field) {
    Rule rule;
    rule.overlay.scene = scene;
    FieldReader of_scene(entry, source);
    for_each_scene_field(rule.overlay.scene, of_scene);
    rule.overlay.stated = of_scene.stated();
    FieldReader all(entry, source);
    for_each_own_field(rule, all);
    for_each_scene_field(rule.overlay.scene, all);
    all.refuse_unknown({});
    return rule;
}

std::string read_text_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw DataError(fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", path));
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string_view builtin_text(const std::string& name) {
    const auto found = std::ranges::find(builtin_recipes(), name, [](const auto& b) { return std::string(b.name); });
    if (found != builtin_recipes().end()) return found->toml;
    std::vector<std::string> names;
    for (const auto& builtin : builtin_recipes()) names.emplace_back(builtin.name);
    throw UsageError(
        fmt::format("unknown recipe \"{}\". Did you mean \"{}\"? A recipe of your own is a path ending in "
                    ".toml; `braggbench recipes` lists the built-in ones.",
                    name, nearest_name(name, names)));
}

toml::table parse_with_base(std::string_view text, std::string_view source, int depth) {
    toml::table root;
    try {
        root = toml::parse(text, source);
    } catch (const toml::parse_error& error) {
        const auto& begin = error.source().begin;
        throw UsageError(fmt::format("{}:{}:{}: {} (the recipe is not valid TOML).", source, begin.line, begin.column,
                                     error.description()));
    }
    const toml::node* extends = root.get("extends");
    if (extends == nullptr) return root;
    const auto base = extends->value<std::string>();
    if (!base) fail(*extends, source, "extends must be a string: the name or path of another recipe.");
    constexpr int deepest = 8;
    if (depth == deepest) fail(*extends, source, "recipes extend each other more than 8 deep (in a circle?).");
    root.erase("extends");
    toml::table whole = base->ends_with(".toml") ? parse_with_base(read_text_file(*base), *base, depth + 1)
                                                 : parse_with_base(builtin_text(*base), *base, depth + 1);
    lay_over(whole, root);
    return whole;
}

}  // namespace

Recipe parse_recipe(std::string_view text, std::string_view source, const std::vector<std::string>& overrides) {
    toml::table root = parse_with_base(text, source, 0);
    if (std::ranges::any_of(overrides, [](const auto& a) { return a.starts_with("detector.preset="); })) {
        forget_detector(root);
    }
    for (const auto& assignment : overrides) apply_override(root, assignment);

    Recipe recipe;
    FieldReader reader(root, source);
    for_each_corpus_field(recipe, reader);
    if (recipe.detector_preset != "none") {
        // What the recipe states beside the preset wins over it.
        apply_detector_preset(recipe);
        for_each_corpus_field(recipe, reader);
    }
    for_each_scene_field(recipe.scene, reader);
    reader.refuse_unknown({arrays_of_tables.begin(), arrays_of_tables.end()});

    for_each_entry(root, source, "class", [&](const toml::table& entry) {
        ClassRule rule;
        rule.scene = recipe.scene;
        FieldReader of_class(entry, source);
        for_each_class_field(rule, of_class);
        for_each_scene_field(rule.scene, of_class);
        of_class.refuse_unknown({});
        recipe.classes.push_back(std::move(rule));
    });
    for_each_entry(root, source, "variation", [&](const toml::table& entry) {
        recipe.variations.push_back(read_overlaid<VariationRule>(
            entry, source, recipe.scene, [](auto& rule, auto& fields) { for_each_variation_field(rule, fields); }));
    });
    for_each_entry(root, source, "member", [&](const toml::table& entry) {
        recipe.members.push_back(read_overlaid<MemberRule>(
            entry, source, recipe.scene, [](auto& rule, auto& fields) { for_each_member_field(rule, fields); }));
    });
    for_each_entry(root, source, "attribute", [&](const toml::table& entry) {
        FieldReader of_attribute(entry, source);
        for_each_attribute_field(recipe.labels.attributes.emplace_back(), of_attribute);
        of_attribute.refuse_unknown({});
    });
    for_each_entry(root, source, "value", [&](const toml::table& entry) {
        FieldReader of_value(entry, source);
        for_each_value_field(recipe.labels.values.emplace_back(), of_value);
        of_value.refuse_unknown({});
    });
    try {
        validate(recipe);
    } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}: {}", source, error.what()));
    }
    return recipe;
}

Recipe load_recipe(const std::string& name_or_path, const std::vector<std::string>& overrides) {
    if (!name_or_path.ends_with(".toml")) return parse_recipe(builtin_text(name_or_path), name_or_path, overrides);
    return parse_recipe(read_text_file(name_or_path), name_or_path, overrides);
}

std::string to_toml(const Recipe& recipe) {
    // Corpus and scene share sections, and TOML wants each of them once.
    std::vector<std::pair<std::string, std::string>> sections;
    std::vector<std::string> base;
    const auto line = [](const char* key, const std::string& value, const char* help) {
        return fmt::format("{} = {}  # {}\n", key, value, help);
    };
    const auto gather = [&](const char* in, const char* key, const auto& value, Bounds, const char* help) {
        auto found = std::find_if(sections.begin(), sections.end(), [&](const auto& s) { return s.first == in; });
        if (found == sections.end()) found = sections.insert(found, {in, ""});
        found->second += line(key, toml_text(value), help);
    };
    for_each_corpus_field(recipe, gather);
    for_each_scene_field(recipe.scene, gather);
    std::string out;
    for (const auto& [name, lines] : sections) out += (name.empty() ? "" : fmt::format("\n[{}]\n", name)) + lines;

    for_each_scene_field(recipe.scene, [&](const char*, const char*, const auto& value, Bounds, const char*) {
        base.push_back(toml_text(value));
    });
    const auto entry_line = [&](const char*, const char* key, const auto& value, Bounds, const char* help) {
        out += line(key, toml_text(value), help);
    };
    const auto overlay_lines = [&](const SceneOverlay& overlay) {
        for_each_scene_field(overlay.scene,
                             [&](const char* in, const char* key, const auto& value, Bounds, const char*) {
                                 const std::string name = fmt::format("{}.{}", in, key);
                                 if (std::ranges::find(overlay.stated, name) == overlay.stated.end()) return;
                                 out += fmt::format("{} = {}\n", name, toml_text(value));
                             });
    };
    for (const auto& rule : recipe.classes) {
        out += "\n[[class]]\n";
        for_each_class_field(rule, [&](const char*, const char* key, const auto& value, Bounds, const char* help) {
            out += line(key, toml_text(value), help);
        });
        auto of_recipe = base.begin();
        for_each_scene_field(rule.scene, [&](const char* in, const char* key, const auto& value, Bounds, const char*) {
            const std::string own = toml_text(value);
            if (own != *of_recipe++) out += fmt::format("{}.{} = {}\n", in, key, own);
        });
    }
    for (const VariationRule& rule : recipe.variations) {
        out += "\n[[variation]]\n";
        for_each_variation_field(rule, entry_line);
        overlay_lines(rule.overlay);
    }
    for (const MemberRule& rule : recipe.members) {
        out += "\n[[member]]\n";
        for_each_member_field(rule, entry_line);
        overlay_lines(rule.overlay);
    }
    for (const AttributeRule& rule : recipe.labels.attributes) {
        out += "\n[[attribute]]\n";
        for_each_attribute_field(rule, entry_line);
    }
    for (const RegressionRule& rule : recipe.labels.values) {
        out += "\n[[value]]\n";
        for_each_value_field(rule, entry_line);
    }
    return out;
}

}  // namespace braggbench
