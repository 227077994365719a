#include "classifiers/heads.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <set>
#include <string_view>

#include "simulator/error.hpp"
#include "simulator/nearest_name.hpp"

namespace braggbench {
namespace {

const std::vector<std::string>& head_names() {
    static const std::vector<std::string> names = {"class", "hit", "attributes", "values"};
    return names;
}

struct HeadText {
    std::string name;
    std::vector<std::string> outputs;  // empty = all
    double loss_weight = 1.0;
};

HeadText parse_head(std::string_view text) {
    HeadText head;
    const auto fault = [&](std::string_view why) {
        return UsageError(fmt::format(
            "head \"{}\" ({}). Give class, hit, attributes, values, or attributes=ice,badice@0.5.", text, why));
    };
    std::string_view rest = text;
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        const std::string_view weight = rest.substr(at + 1);
        const auto read = std::from_chars(weight.data(), weight.data() + weight.size(), head.loss_weight);
        if (read.ec != std::errc() || read.ptr != weight.data() + weight.size() || !(head.loss_weight > 0.0) ||
            !std::isfinite(head.loss_weight)) {
            throw fault("what is behind @ weighs its loss: a positive number");
        }
        rest = rest.substr(0, at);
    }
    if (const auto equals = rest.find('='); equals != std::string_view::npos) {
        std::string_view list = rest.substr(equals + 1);
        while (true) {
            const auto comma = list.find(',');
            head.outputs.emplace_back(list.substr(0, comma));
            if (head.outputs.back().empty()) throw fault("an empty name in its list");
            if (comma == std::string_view::npos) break;
            list = list.substr(comma + 1);
        }
        rest = rest.substr(0, equals);
    }
    head.name = rest;
    if (std::ranges::find(head_names(), head.name) == head_names().end()) {
        throw UsageError(fmt::format("head \"{}\" (there is none of that name). Did you mean \"{}\"?", head.name,
                                     nearest_name(head.name, head_names())));
    }
    if (!head.outputs.empty() && head.name != "attributes" && head.name != "values") {
        throw fault("only attributes and values take a list");
    }
    return head;
}

// Which of `all` are asked for, all of them if none is named.
std::vector<std::string> chosen(const HeadText& head, const std::vector<std::string>& all, const HeadSource& source) {
    if (all.empty()) {
        throw UsageError(
            fmt::format("{}: no {} (head \"{}\" has nothing to learn). Use a recipe with [[{}]] tables, "
                        "or another head.",
                        source.origin, head.name, head.name, head.name == "values" ? "value" : "attribute"));
    }
    for (const auto& name : head.outputs) {
        if (std::ranges::find(all, name) != all.end()) continue;
        throw UsageError(fmt::format("{}: \"{}\" is not among its {}: {}. Did you mean \"{}\"?", source.origin, name,
                                     head.name, fmt::join(all, ", "), nearest_name(name, all)));
    }
    if (std::set<std::string>(head.outputs.begin(), head.outputs.end()).size() != head.outputs.size()) {
        throw UsageError(fmt::format("head \"{}\": a name twice (each is one output). Name it once.", head.name));
    }
    return head.outputs.empty() ? all : head.outputs;
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
    return static_cast<std::size_t>(std::distance(names.begin(), std::ranges::find(names, name)));
}

Head make_head(const HeadText& text, const HeadSource& source) {
    Head head;
    head.name = text.name;
    head.loss_weight = text.loss_weight;
    if (text.name == "class") {
        if (source.class_names.size() < 2) {
            throw UsageError(fmt::format(
                "{}: a model for {} classes (there is nothing to tell apart). Use a corpus of at least two classes.",
                source.origin, source.class_names.size()));
        }
        head.outputs = source.class_names;
    } else if (text.name == "hit") {
        if (source.hit_classes.empty() || source.hit_classes.size() == source.class_names.size()) {
            throw UsageError(
                fmt::format("{}: {} of its {} classes are known to be hits (head \"hit\" has nothing to "
                            "tell apart). Use head \"class\", or a recipe with and without crystals.",
                            source.origin, source.hit_classes.size(), source.class_names.size()));
        }
        head.outputs = {"miss", "hit"};
        for (const auto& name : source.class_names) {
            head.output_of_class.push_back(std::ranges::find(source.hit_classes, name) != source.hit_classes.end());
        }
    } else if (text.name == "attributes") {
        head.kind = HeadKind::multi_label;
        head.outputs = chosen(text, source.labels.attributes, source);
    } else {
        head.kind = HeadKind::regression;
        head.outputs = chosen(text, source.labels.values, source);
        for (const auto& name : head.outputs) {
            head.units.push_back(source.labels.value_units[index_of(source.labels.values, name)]);
        }
        head.means.assign(head.outputs.size(), 0.0);
        head.deviations.assign(head.outputs.size(), 1.0);
    }
    return head;
}

}  // namespace

std::string to_string(HeadKind kind) {
    switch (kind) {
        case HeadKind::one_of_n:
            return "one_of_n";
        case HeadKind::multi_label:
            return "multi_label";
        case HeadKind::regression:
            return "regression";
    }
    return "";
}

void to_json(nlohmann::json& json, const Head& head) {
    json = {{"name", head.name},
            {"kind", to_string(head.kind)},
            {"outputs", head.outputs},
            {"loss_weight", head.loss_weight}};
    if (!head.output_of_class.empty()) json["output_of_class"] = head.output_of_class;
    if (head.kind == HeadKind::regression) {
        json["means"] = head.means;
        json["deviations"] = head.deviations;
        json["units"] = head.units;
    }
}

void from_json(const nlohmann::json& json, Head& head) {
    head = {};
    json.at("name").get_to(head.name);
    const auto kind = json.at("kind").get<std::string>();
    for (const auto known : {HeadKind::one_of_n, HeadKind::multi_label, HeadKind::regression}) {
        if (to_string(known) == kind) head.kind = known;
    }
    json.at("outputs").get_to(head.outputs);
    json.at("loss_weight").get_to(head.loss_weight);
    if (json.contains("output_of_class")) json["output_of_class"].get_to(head.output_of_class);
    if (head.kind == HeadKind::regression) {
        json.at("means").get_to(head.means);
        json.at("deviations").get_to(head.deviations);
        json.at("units").get_to(head.units);
    }
}

std::size_t output_count(std::span<const Head> heads) {
    std::size_t count = 0;
    for (const auto& head : heads) count += head.outputs.size();
    return count;
}

std::size_t target_count(std::span<const Head> heads) {
    std::size_t count = 0;
    for (const auto& head : heads) count += head.target_count();
    return count;
}

std::size_t output_offset(std::span<const Head> heads, const std::string& name) {
    std::size_t offset = 0;
    for (const auto& head : heads) {
        if (head.name == name) return offset;
        offset += head.outputs.size();
    }
    throw UsageError(
        fmt::format("the model has no head \"{}\" (it was not trained for it). Train one that has.", name));
}

std::vector<Head> make_heads(std::span<const std::string> texts, const HeadSource& source) {
    if (texts.empty()) throw UsageError("no head (a model must answer something). Give at least one, such as class.");
    std::vector<Head> heads;
    for (const auto& text : texts) {
        heads.push_back(make_head(parse_head(text), source));
        const auto same = [&](const Head& other) { return other.name == heads.back().name; };
        if (std::ranges::count_if(heads, same) > 1) {
            throw UsageError(
                fmt::format("head \"{}\" twice (each is one part of the answer). Give it once, with all "
                            "its outputs.",
                            heads.back().name));
        }
    }
    return heads;
}

std::vector<float> targets_of(std::span<const Head> heads, const HeadSource& source, int class_index,
                              const ImageLabels& labels) {
    std::vector<float> targets;
    targets.reserve(target_count(heads));
    for (const auto& head : heads) {
        switch (head.kind) {
            case HeadKind::one_of_n:
                targets.push_back(static_cast<float>(
                    head.output_of_class.empty() ? class_index
                                                 : head.output_of_class[static_cast<std::size_t>(class_index)]));
                break;
            case HeadKind::multi_label:
                for (const auto& name : head.outputs) {
                    const auto value = labels.attributes[index_of(source.labels.attributes, name)];
                    targets.push_back(value == ImageLabels::unknown ? unknown_target : static_cast<float>(value));
                }
                break;
            case HeadKind::regression:
                for (const auto& name : head.outputs) {
                    targets.push_back(labels.values[index_of(source.labels.values, name)]);
                }
                break;
        }
    }
    return targets;
}

}  // namespace braggbench
