#include "bench/report/result_json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace braggbench::report {

using nlohmann::json;

const json& member(const json& object, std::string_view key) {
    static const json nothing;
    if (!object.is_object()) return nothing;
    const auto found = object.find(key);
    return found == object.end() ? nothing : *found;
}

std::optional<double> number(const json& object, std::string_view key) {
    const json& value = member(object, key);
    if (value.is_null()) return std::nullopt;
    return value.get<double>();
}

std::int64_t count(const json& object, std::string_view key) {
    const json& value = member(object, key);
    return value.is_null() ? 0 : value.get<std::int64_t>();
}

std::string text(const json& object, std::string_view key, std::string_view otherwise) {
    const json& value = member(object, key);
    if (value.is_null()) return std::string(otherwise);
    return value.is_string() ? value.get<std::string>() : value.dump();
}

Metric metric(const json& object, std::string_view key) {
    const json& value = member(object, key);
    Metric result;
    if (value.is_number()) {
        result.value = value.get<double>();
    } else if (!value.is_null()) {
        result.value = number(value, "value");
        result.chance = number(value, "chance");
        const json& interval = member(value, "ci95");
        if (!interval.is_null() && !interval.at(0).is_null() && !interval.at(1).is_null()) {
            result.ci95 = {interval.at(0).get<double>(), interval.at(1).get<double>()};
        }
    }
    return result;
}

const json& tasks(const json& evaluation) {
    const json& models = member(evaluation, "models");
    return member(models.is_array() && !models.empty() ? models.front() : evaluation, "tasks");
}

const json& task_of_kind(const json& evaluation, std::string_view kind) {
    static const json nothing;
    for (const json& task : tasks(evaluation)) {
        if (text(task, "kind") == kind) return task;
    }
    return nothing;
}

std::vector<Baseline> baselines(const json& task, std::string_view score) {
    std::vector<Baseline> result;
    const json& levels = member(task, "chance_levels");
    if (levels.is_null()) return result;
    for (const auto& [key, level] : levels.items()) {
        if (!key.starts_with("constant_")) result.push_back({key, metric(level, score)});
    }
    std::stable_sort(result.begin(), result.end(), [](const Baseline& a, const Baseline& b) {
        return a.score.value.value_or(-1.0) > b.score.value.value_or(-1.0);
    });
    return result;
}

std::optional<Baseline> best_baseline(const json& task, std::string_view score) {
    const std::vector<Baseline> all = baselines(task, score);
    if (all.empty() || !all.front().score.value) return std::nullopt;
    return all.front();
}

std::string baseline_name(std::string_view key) {
    if (key == "majority") return "majority class";
    if (key == "prior") return "prior";
    if (key == "stratified") return "stratified guess";
    if (key == "uniform") return "uniform guess";
    if (key == "total_intensity") return "total intensity";
    if (key == "spot_count") return "spot count";
    if (key == "radial_profile") return "radial profile";
    return map_name(key);
}

std::string baseline_description(std::string_view key) {
    if (key == "majority") return "always the most frequent class";
    if (key == "prior") return "ranks classes by frequency, so says the same";
    if (key == "stratified") return "guesses in the classes\u2019 proportions";
    if (key == "uniform") return "guesses evenly among the classes";
    if (key == "total_intensity") return "the best rule on each image\u2019s total intensity";
    if (key == "spot_count") return "the best rule on each image\u2019s number of spots";
    if (key == "radial_profile") return "a random forest on each image\u2019s mean photons in 64 rings";
    return "";
}

std::string map_name(std::string_view key) {
    if (key == "grad_cam") return "Grad-CAM";
    if (key == "hires_cam") return "HiResCAM";
    if (key == "layer_cam") return "LayerCAM";
    if (key == "difference_of_gaussians") return "difference of Gaussians";
    std::string words(key);
    std::replace(words.begin(), words.end(), '_', ' ');
    return words;
}

std::string capitalised(std::string name) {
    if (!name.empty() && name.front() >= 'a' && name.front() <= 'z') {
        name.front() = static_cast<char>(name.front() - 'a' + 'A');
    }
    return name;
}

std::vector<json> rows_of_kind(const json& explanation, std::string_view kind) {
    std::vector<json> result;
    for (const json& row : member(explanation, "rows")) {
        if (text(row, "kind") == kind) result.push_back(row);
    }
    return result;
}

ScoredMaps scored_maps(const json& row) {
    ScoredMaps maps{count(row, "images"), count(row, "images")};
    for (const std::string_view silent : {"zero_maps", "constant_maps", "non_finite_maps"}) {
        maps.of += count(row, silent);
    }
    return maps;
}

std::optional<json> best_attribution(const json& explanation) {
    std::optional<json> best;
    double most = -std::numeric_limits<double>::infinity();
    for (const json& row : rows_of_kind(explanation, "attribution")) {
        const std::optional<double> slift = metric(row, "slift").value;
        const ScoredMaps maps = scored_maps(row);
        if (!slift || !std::isfinite(*slift) || maps.of == 0) continue;
        constexpr double least = 1e-6;  // a map that is zero on every peak has a score too, the lowest
        const double found =
            std::log(std::max(*slift, least)) * static_cast<double>(maps.scored) / static_cast<double>(maps.of);
        if (found > most) {
            most = found;
            best = row;
        }
    }
    return best;
}

}  // namespace braggbench::report
