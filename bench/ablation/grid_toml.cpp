#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <type_traits>

#include "bench/ablation/grid.hpp"
#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

// What axes set, or what the place in the output directory does.
constexpr std::array<std::string_view, 7> not_in_training = {"model", "heads",          "view", "class-weights",
                                                             "init",  "freeze-through", "seed"};

std::string place(const toml::node& node, std::string_view source) {
    const auto& begin = node.source().begin;
    return fmt::format("{}:{}:{}", source, begin.line, begin.column);
}

[[noreturn]] void fail(const toml::node& node, std::string_view source, const std::string& message) {
    throw UsageError(fmt::format("{}: {}", place(node, source), message));
}

// Reads a table's keys and remembers which it was asked for.
class TableReader {
public:
    TableReader(const toml::table& table, std::string prefix, std::string_view source)
        : table_(table), prefix_(std::move(prefix)), source_(source) {}

    void read(const std::string& key, std::string& value) { scalar<std::string>(key, value, "a string"); }
    void read(const std::string& key, int& value) {
        std::int64_t number = value;
        scalar<std::int64_t>(key, number, "a whole number");
        if (number > std::numeric_limits<int>::max() || number < std::numeric_limits<int>::min()) {
            fail(*table_.get(key), source_, fmt::format("{}{} = {} is out of range.", prefix_, key, number));
        }
        value = static_cast<int>(number);
    }
    void read(const std::string& key, double& value) { scalar<double>(key, value, "a number"); }
    void read(const std::string& key, std::vector<std::string>& values) {
        if (const auto* list = array(key)) {
            values.clear();
            for (const auto& entry : *list) {
                const auto text = entry.value<std::string>();
                if (!text || !entry.is_string()) {
                    fail(entry, source_, fmt::format("{}{} must be a list of strings.", prefix_, key));
                }
                values.push_back(*text);
            }
        }
    }
    const toml::array* array(const std::string& key) {
        known_.push_back(key);
        const auto* node = table_.get(key);
        if (node == nullptr) return nullptr;
        const auto* list = node->as_array();
        if (list == nullptr) fail(*node, source_, fmt::format("{0}{1} must be a list: {1} = [...].", prefix_, key));
        return list;
    }
    const toml::table* table(const std::string& key) {
        known_.push_back(key);
        const auto* node = table_.get(key);
        if (node == nullptr) return nullptr;
        if (!node->is_table()) fail(*node, source_, fmt::format("{0} must be a table: write [{0}].", key));
        return node->as_table();
    }
    void refuse_unknown() const {
        for (const auto& [key, node] : table_) {
            const std::string name(key.str());
            if (std::ranges::find(known_, name) != known_.end()) continue;
            throw UsageError(fmt::format("{}:{}:{}: unknown key \"{}\". Did you mean \"{}\"?", source_,
                                         key.source().begin.line, key.source().begin.column, prefix_ + name,
                                         prefix_ + nearest_name(name, known_)));
        }
    }

private:
    template <class T>
    void scalar(const std::string& key, T& value, const char* wanted) {
        known_.push_back(key);
        const auto* node = table_.get(key);
        if (node == nullptr) return;
        const auto got = node->is_boolean() ? std::nullopt : node->value<T>();
        if (!got) fail(*node, source_, fmt::format("{}{} must be {}.", prefix_, key, wanted));
        value = *got;
    }

    const toml::table& table_;
    std::string prefix_;
    std::string_view source_;
    std::vector<std::string> known_;
};

void require_known(const toml::node& node, std::string_view source, const std::string& what, const std::string& value,
                   const std::vector<std::string>& known) {
    if (std::ranges::find(known, value) != known.end()) return;
    fail(node, source,
         fmt::format("{} = \"{}\" (it is one of {}). Did you mean \"{}\"?", what, value, fmt::join(known, ", "),
                     nearest_name(value, known)));
}

void check_value(const toml::node& node, std::string_view source, Axis axis, const std::string& value) {
    const std::string name = rule_of(axis).name;
    if (axis == Axis::balance) require_known(node, source, name, value, {"none", "balanced"});
    if (axis == Axis::initialisation) require_known(node, source, name, value, {"scratch", "transfer", "frozen"});
    if (axis == Axis::truth) require_known(node, source, name, value, {"image", "view"});
    if (axis == Axis::labels && heads_of(value).empty()) {
        fail(node, source, "labels has an empty entry (there would be nothing to learn). Give such as \"class\".");
    }
    if (!rule_of(axis).whole_number) return;
    const bool may_be_zero = axis == Axis::native_px || axis == Axis::training_size;
    const auto number = std::stoll(value);
    if (number < (may_be_zero ? 0 : 1) || number > std::numeric_limits<int>::max()) {
        fail(node, source,
             fmt::format("{} = {} (it counts {}). Give a whole number of at least {}.", name, value,
                         axis == Axis::training_size ? "images"
                         : axis == Axis::seed        ? "runs"
                                                     : "pixels",
                         may_be_zero ? 0 : 1));
    }
}

void read_axis(TableReader& reader, std::string_view source, Axis axis, Grid& grid) {
    const auto& rule = rule_of(axis);
    auto& values = grid.axes[static_cast<std::size_t>(axis)];
    const auto* list = reader.array(rule.name);
    if (list == nullptr) {
        std::string_view rest = rule.otherwise;
        for (auto comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
            values.emplace_back(rest.substr(0, comma));
            rest.remove_prefix(comma + 1);
        }
        values.emplace_back(rest);
        return;
    }
    if (list->empty()) {
        fail(*list, source,
             fmt::format("axes.{} is empty (there would be no cells). Give a value or leave it out.", rule.name));
    }
    for (const auto& entry : *list) {
        std::string value;
        if (rule.whole_number) {
            if (!entry.is_integer()) fail(entry, source, fmt::format("axes.{} must hold whole numbers.", rule.name));
            value = std::to_string(*entry.value<std::int64_t>());
        } else {
            if (!entry.is_string()) fail(entry, source, fmt::format("axes.{} must hold strings.", rule.name));
            value = *entry.value<std::string>();
        }
        check_value(entry, source, axis, value);
        if (std::ranges::find(values, value) != values.end()) {
            fail(entry, source,
                 fmt::format("axes.{} has {} twice (its cells would be the same). Take one away.", rule.name, value));
        }
        values.push_back(value);
    }
}

// Views are read with every input size, as SIZE is part of them.
void check_views(const toml::table* axes, std::string_view source, const Grid& grid) {
    const auto* list = axes == nullptr ? nullptr : axes->get_as<toml::array>("view");
    for (std::size_t i = 0; i < grid.values(Axis::view).size(); ++i) {
        const auto& text = grid.values(Axis::view)[i];
        const auto fault = [&](const std::string& message) {
            if (list != nullptr) fail(*list->get(i), source, message);
            throw UsageError(fmt::format("{}: {}", source, message));
        };
        for (const auto& input_px : grid.values(Axis::input_px)) {
            Cell cell;
            cell.values[static_cast<std::size_t>(Axis::view)] = text;
            cell.values[static_cast<std::size_t>(Axis::input_px)] = input_px;
            ViewSpec view;
            try {
                view = view_of(cell);
            } catch (const UsageError& error) {
                fault(error.what());
            }
            if (view.framing == Framing::native) {
                fault(
                    fmt::format("view \"{}\" (a network is trained on squares of one size). Give a downsampling, a "
                                "crop or tiles.",
                                text));
            }
            if (std::to_string(view.size_px) != input_px) {
                fault(
                    fmt::format("view \"{}\" shows {} px where input_px is {} (views are compared at equal input "
                                "size). Write SIZE in its place.",
                                text, view.size_px, input_px));
            }
        }
    }
}

void read_training(TableReader& reader, std::string_view source, TrainOptions& training) {
    for_each_field(training, [&](const char* name, auto& member, const char*) {
        if (std::ranges::find(not_in_training, std::string_view(name)) != not_in_training.end()) return;
        if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::string> ||
                      std::is_same_v<std::decay_t<decltype(member)>, int> ||
                      std::is_same_v<std::decay_t<decltype(member)>, double>) {
            reader.read(name, member);
        }
    });
    reader.read("cache-gib", training.cache_gib);
    try {
        validate(training);
    } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}: {}", source, error.what()));
    }
}

void check_whole(const Grid& grid, std::string_view source) {
    const auto fault = [&](const std::string& message) { throw UsageError(fmt::format("{}: {}", source, message)); };
    if (grid.recipe.empty() == grid.corpus.empty()) {
        fault(
            "data needs a recipe or a corpus, and not both (images come from one place). Give data.recipe or "
            "data.corpus.");
    }
    if (!grid.corpus.empty() && (!grid.set.empty() || grid.values(Axis::native_px) != std::vector<std::string>{"0"})) {
        fault("data.set or axes.native_px beside data.corpus (its images are made already). Give data.recipe instead.");
    }
    const bool transfers =
        std::ranges::any_of(grid.values(Axis::initialisation), [](const auto& value) { return value != "scratch"; });
    if (transfers && grid.transfer.recipe.empty()) {
        fault("axes.initialisation asks for weights of another training (there is none). Give transfer.recipe.");
    }
    if (grid.transfer.epochs < 1 || grid.localisation.images_per_class < 1) {
        fault(
            "transfer.epochs and localisation.images_per_class count from 1 (nothing would be done). Give 1 or more.");
    }
}

}  // namespace

Grid parse_grid(std::string_view text, std::string_view source) {
    toml::table root;
    try {
        root = toml::parse(text, source);
    } catch (const toml::parse_error& error) {
        const auto& begin = error.source().begin;
        throw UsageError(fmt::format("{}:{}:{}: {} (the grid is not valid TOML).", source, begin.line, begin.column,
                                     error.description()));
    }
    Grid grid;
    grid.text = text;
    TableReader top(root, "", source);
    top.read("name", grid.name);
    top.read("description", grid.description);
    const auto section = [&](const char* name, const auto& read) {
        static const toml::table none;
        const auto* table = top.table(name);
        TableReader reader(table == nullptr ? none : *table, fmt::format("{}.", name), source);
        read(reader);
        reader.refuse_unknown();
        return table;
    };
    section("data", [&](TableReader& reader) {
        reader.read("recipe", grid.recipe);
        reader.read("set", grid.set);
        reader.read("corpus", grid.corpus);
    });
    section("training", [&](TableReader& reader) { read_training(reader, source, grid.training); });
    section("transfer", [&](TableReader& reader) {
        reader.read("recipe", grid.transfer.recipe);
        reader.read("set", grid.transfer.set);
        reader.read("labels", grid.transfer.labels);
        reader.read("epochs", grid.transfer.epochs);
        reader.read("freeze_through", grid.transfer.freeze_through);
    });
    section("localisation", [&](TableReader& reader) {
        reader.read("method", grid.localisation.method);
        reader.read("stage", grid.localisation.stage);
        reader.read("explained", grid.localisation.explained);
        reader.read("images_per_class", grid.localisation.images_per_class);
    });
    const auto* axes = section("axes", [&](TableReader& reader) {
        for (const Axis axis : all_axes) read_axis(reader, source, axis, grid);
    });
    top.refuse_unknown();
    check_views(axes, source, grid);
    check_whole(grid, source);
    return grid;
}

Grid load_grid(const std::string& name_or_path) {
    if (name_or_path.ends_with(".toml")) {
        std::ifstream file(name_or_path, std::ios::binary);
        if (!file) {
            throw UsageError(
                fmt::format("{}: cannot be read (there is no such grid). `braggbench ablate --help` lists "
                            "the built-in ones.",
                            name_or_path));
        }
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        return parse_grid(text, name_or_path);
    }
    std::vector<std::string> names;
    for (const auto& builtin : builtin_grids()) {
        if (builtin.name == name_or_path) return parse_grid(builtin.toml, name_or_path);
        names.emplace_back(builtin.name);
    }
    throw UsageError(
        fmt::format("unknown grid \"{}\" (the built-in ones are {}). Did you mean \"{}\"? A grid of your "
                    "own is a path ending in .toml.",
                    name_or_path, fmt::join(names, ", "), nearest_name(name_or_path, names)));
}

}  // namespace braggbench
