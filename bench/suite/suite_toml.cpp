#include "bench/suite/suite_toml.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <limits>
#include <sstream>
#include <type_traits>

#include "bench/suite/known_names.hpp"
#include "bench/suite/suite_fields.hpp"
#include "classifiers/classical/classical.hpp"
#include "classifiers/find_peaks.hpp"
#include "datasets/recipe_toml.hpp"
#include "explain/attribution_methods.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

using Names = std::vector<std::string>;

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;

class SuiteReader {
public:
    SuiteReader(std::string_view text, std::string_view source) : source_(source) {
        try {
            root_ = toml::parse(text, source);
        } catch (const toml::parse_error& error) {
            const auto& begin = error.source().begin;
            throw UsageError(fmt::format("{}:{}:{}: {} (the suite is not valid TOML).", source, begin.line,
                                         begin.column, error.description()));
        }
    }

    Suite read() {
        Names keys = {"name", "description"};
        for_each_step_kind(suite_, [&](const char* kind, auto&, const char*) { keys.emplace_back(kind); });
        refuse_unknown(root_, "", keys);
        suite_.name = text_at("name");
        suite_.description = text_at("description");
        if (suite_.name.empty()) {
            throw UsageError(
                fmt::format("{}:1:1: a suite without name (results are kept under it). Write name = "
                            "\"...\" on its first line.",
                            source_));
        }
        for_each_step_kind(suite_, [&](const char* kind, auto& steps, const char*) { read_steps(kind, steps); });
        if (step_names_.empty()) {
            throw UsageError(
                fmt::format("{}:1:1: a suite without steps (there is nothing to run). Write [[corpus]].", source_));
        }
        return std::move(suite_);
    }

private:
    [[noreturn]] void fail(const toml::node& node, const std::string& message) const {
        const auto& begin = node.source().begin;
        throw UsageError(fmt::format("{}:{}:{}: {}", source_, begin.line, begin.column, message));
    }

    void refuse_unknown(const toml::table& table, const std::string& prefix, const Names& known) const {
        for (const auto& [key, node] : table) {
            const std::string name(key.str());
            if (std::ranges::find(known, name) != known.end()) continue;
            fail(node, fmt::format("unknown key \"{}{}\" (there are {}). Did you mean \"{}\"?", prefix, name,
                                   fmt::join(known, ", "), nearest_name(name, known)));
        }
    }

    std::string text_at(const char* key) const {
        const toml::node* node = root_.get(key);
        if (node == nullptr) return "";
        const auto text = node->value<std::string>();
        if (!text) fail(*node, fmt::format("{} must be a string.", key));
        return *text;
    }

    void require_known(const toml::node& node, const std::string& what, const std::string& name,
                       const Names& known) const {
        if (std::ranges::find(known, name) != known.end()) return;
        fail(node, known.empty() ? fmt::format("unknown {} \"{}\" (the suite has none). Define it.", what, name)
                                 : fmt::format("unknown {} \"{}\" (there are {}). Did you mean \"{}\"?", what, name,
                                               fmt::join(known, ", "), nearest_name(name, known)));
    }

    template <class T>
    void read_value(const toml::node& node, const std::string& name, T& value) const {
        if constexpr (is_optional<T>) {
            read_value(node, name, value.emplace());
        } else if constexpr (std::is_same_v<T, Names>) {
            const auto* list = node.as_array();
            if (list == nullptr) fail(node, fmt::format("{} must be a list of strings: [\"...\", ...].", name));
            value.clear();
            for (const auto& item : *list) read_value(item, "an item of " + name, value.emplace_back());
        } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::filesystem::path>) {
            const auto text = node.value<std::string>();
            if (!text) fail(node, fmt::format("{} must be a string.", name));
            value = *text;
        } else if constexpr (std::is_floating_point_v<T>) {
            const auto number = node.is_boolean() ? std::nullopt : node.value<double>();
            if (!number) fail(node, fmt::format("{} must be a number.", name));
            value = *number;
        } else {
            const auto* number = node.as_integer();
            if (number == nullptr) fail(node, fmt::format("{} must be a whole number.", name));
            const std::int64_t whole = number->get();
            const bool fits = std::is_unsigned_v<T> || sizeof(T) > 4
                                  ? whole >= 0
                                  : whole >= 0 && whole <= std::numeric_limits<std::int32_t>::max();
            if (!fits) fail(node, fmt::format("{} = {} is out of range. Give 0 or more.", name, whole));
            value = static_cast<T>(whole);
        }
    }

    template <class Step>
    void read_steps(const std::string& kind, std::vector<Step>& steps) {
        const toml::node* node = root_.get(kind);
        if (node == nullptr) return;
        const toml::array* entries = node->as_array();
        if (entries == nullptr || !entries->is_homogeneous(toml::node_type::table)) {
            fail(*node, fmt::format("{} must be an array of tables: write [[{}]] once for each.", kind, kind));
        }
        for (const toml::node& entry : *entries) {
            const toml::table& table = *entry.as_table();
            Step step;
            read_name(kind, table, step.name);
            if constexpr (std::is_same_v<Step, ModelStep>) start_from_preset(table, step);
            Names keys = {"name"};
            for_each_step_field(step, [&](const char* key, auto& member, const char*) {
                keys.emplace_back(key);
                if (const toml::node* value = table.get(key)) read_value(*value, kind + "." + key, member);
            });
            refuse_unknown(table, kind + ".", keys);
            check(table, step);
            steps.push_back(std::move(step));
        }
    }

    void read_name(const std::string& kind, const toml::table& table, std::string& name) {
        const toml::node* node = table.get("name");
        if (node == nullptr) {
            fail(table, fmt::format("a [[{}]] without name (its results are kept under it). Give it one.", kind));
        }
        read_value(*node, kind + ".name", name);
        const bool plain = !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
        });
        if (!plain) {
            fail(*node, fmt::format("name \"{}\" (it becomes part of the names of results). Use letters, digits and "
                                    "- _ . alone.",
                                    name));
        }
        if (std::ranges::find(step_names_, name) != step_names_.end()) {
            fail(*node, fmt::format("two steps called \"{}\" (results are told apart by it). Rename one.", name));
        }
        step_names_.push_back(name);
    }

    // The preset comes first, whatever the order of the keys.
    void start_from_preset(const toml::table& table, ModelStep& step) {
        const toml::node* node = table.get("preset");
        if (node == nullptr) return;
        std::string name;
        read_value(*node, "model.preset", name);
        Names known;
        for (const auto& preset : train_presets()) known.push_back(preset.name);
        require_known(*node, "preset", name, known);
        step.options = train_preset(name).options;
    }

    const toml::node& required(const toml::table& table, const char* key, const char* why) const {
        const toml::node* node = table.get(key);
        if (node == nullptr) fail(table, fmt::format("no {} ({}). Give one.", key, why));
        return *node;
    }

    // What a library says of the content of a table, at its place.
    template <class Work>
    void at(const toml::node& node, const Work& work) const {
        try {
            work();
        } catch (const UsageError& error) {
            fail(node, error.what());
        }
    }

    template <class Steps>
    static Names names_of(const Steps& steps) {
        Names names;
        for (const auto& step : steps) names.push_back(step.name);
        return names;
    }

    void check_split(const toml::table& table, const std::string& split) const {
        if (const auto* node = table.get("split")) {
            require_known(*node, "split", split, {"train", "validation", "test"});
        }
    }
    void check_each(const toml::table& table, const char* key, const std::string& what, const Names& names,
                    const Names& known) const {
        for (const auto& name : names) {
            if (const auto* node = table.get(key)) require_known(*node, what, name, known);
        }
    }

    void check(const toml::table& table, CorpusStep& step) const {
        const auto& recipe = required(table, "recipe", "it says what is made");
        if (!step.recipe.ends_with(".toml")) {
            Names known;
            for (const auto& builtin : builtin_recipes()) known.emplace_back(builtin.name);
            require_known(recipe, "recipe", step.recipe, known);
        }
        auto set = step.set;
        if (step.images) set.push_back(fmt::format("corpus.image_count={}", *step.images));
        if (step.seed) set.push_back(fmt::format("corpus.seed={}", *step.seed));
        at(recipe, [&] { step.resolved = load_recipe(step.recipe, set); });
    }

    void check(const toml::table& table, ModelStep& step) const {
        require_known(required(table, "corpus", "it learns from one, and its evaluations use it"), "corpus",
                      step.corpus, names_of(suite_.corpora));
        if (!step.file.empty()) return;
        Names known = zoo_names();
        for (const auto& info : classical_models()) known.push_back(info.name);
        const auto* model = table.get("model");
        require_known(model != nullptr ? *model : static_cast<const toml::node&>(table), "model", step.options.model,
                      known);
        at(table, [&] { validate(step.options); });
    }

    void check_model_and_corpus(const toml::table& table, const std::string& model, std::string& corpus) const {
        require_known(required(table, "model", "it is what is looked at"), "model", model, names_of(suite_.models));
        if (const auto* node = table.get("corpus")) {
            require_known(*node, "corpus", corpus, names_of(suite_.corpora));
        } else {
            corpus = std::ranges::find(suite_.models, model, &ModelStep::name)->corpus;
        }
    }

    void check(const toml::table& table, EvaluationStep& step) const {
        check_model_and_corpus(table, step.model, step.corpus);
        check_split(table, step.split);
    }

    void check(const toml::table& table, ExplanationStep& step) const {
        check_model_and_corpus(table, step.model, step.corpus);
        check_split(table, step.split);
        const auto& model = *std::ranges::find(suite_.models, step.model, &ModelStep::name);
        if (model.file.empty() && is_classical_name(model.options.model)) {
            fail(*table.get("model"), fmt::format("{} is a {} (only networks have attribution maps). Name another.",
                                                  step.model, model.options.model));
        }
        Names known = {"all"};
        for (const auto& entry : attribution_methods()) known.push_back(entry.name);
        check_each(table, "methods", "method", step.methods, known);
    }

    void check(const toml::table& table, PeaksStep& step) const {
        require_known(required(table, "corpus", "its peaks are looked for"), "corpus", step.corpus,
                      names_of(suite_.corpora));
        check_split(table, step.split);
        check_each(table, "finders", "peak finder", step.finders, peak_finder_names());
        if (step.radius_px > 0.0) return;
        fail(*table.get("radius-px"), "radius-px must be positive (peaks never coincide exactly).");
    }

    void check(const toml::table& table, CheckStep& step) const {
        require_known(required(table, "check", "it says what is compared"), "check", step.check, known_checks());
        if (!check_needs_corpus(step.check)) return;
        require_known(required(table, "corpus", "the check looks at its images"), "corpus", step.corpus,
                      names_of(suite_.corpora));
    }

    void check(const toml::table& table, SpeedStep& step) const {
        if (step.kernels.empty()) step.kernels = known_kernels();
        check_each(table, "kernels", "kernel", step.kernels, known_kernels());
        if (step.repeats < 1) fail(*table.get("repeats"), "repeats must be 1 or more.");
    }

    std::string_view source_;
    toml::table root_;
    Suite suite_;
    Names step_names_;
};

std::string toml_text(const std::string& text) {
    std::ostringstream out;
    out << toml::value<std::string>(text);
    return out.str();
}

template <class T>
std::string default_text(const T& value) {
    if constexpr (is_optional<T>) {
        return value ? default_text(*value) : "";
    } else if constexpr (std::is_same_v<T, Names>) {
        Names quoted;
        for (const auto& item : value) quoted.push_back(toml_text(item));
        return fmt::format("[{}]", fmt::join(quoted, ", "));
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return toml_text(value.string());
    } else if constexpr (std::is_same_v<T, std::string>) {
        return toml_text(value);
    } else {
        return fmt::format("{}", value);
    }
}

}  // namespace

Suite parse_suite(std::string_view toml, std::string_view source) { return SuiteReader(toml, source).read(); }

std::string suite_text(const std::string& name_or_path) {
    if (!name_or_path.ends_with(".toml")) {
        Names names;
        for (const auto& builtin : builtin_suites()) {
            if (builtin.name == name_or_path) return std::string(builtin.toml);
            names.emplace_back(builtin.name);
        }
        throw UsageError(fmt::format(
            "unknown suite \"{}\" (there are {}). Did you mean \"{}\"? A suite of your own is a path ending in .toml.",
            name_or_path, fmt::join(names, ", "), nearest_name(name_or_path, names)));
    }
    std::ifstream file(name_or_path, std::ios::binary);
    if (!file) {
        throw DataError(
            fmt::format("{}: cannot be read (no such file, or no permission). Check the path.", name_or_path));
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Suite load_suite(const std::string& name_or_path) { return parse_suite(suite_text(name_or_path), name_or_path); }

std::string suite_keys_text() {
    std::string text = "name = \"\"  # of the suite\ndescription = \"\"  # one sentence on what it is for\n";
    Suite suite;
    for_each_step_kind(suite, [&](const char* kind, auto& steps, const char* help) {
        text += fmt::format("\n[[{}]]  # {}\nname = \"\"  # of the step: the first part of its results' names\n", kind,
                            help);
        const auto& step = steps.emplace_back();
        for_each_step_field(step, [&](const char* key, const auto& member, const char* what) {
            const auto value = default_text(member);
            text += fmt::format("{}{}  # {}\n", key, value.empty() ? "" : " = " + value, what);
        });
    });
    return text;
}

}  // namespace braggbench
