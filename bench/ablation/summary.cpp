#include "bench/ablation/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "bench/ablation/cell_scores.hpp"
#include "bench/ablation/effects.hpp"
#include "classifiers/metric_comparison.hpp"
#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr std::uint64_t resampling_seed = 1;

json settings_json(const Cell& cell) {
    json settings = json::object();
    for (const Axis axis : all_axes) settings[rule_of(axis).name] = cell[axis];
    return settings;
}

json axes_json(const Grid& grid) {
    json axes = json::array();
    for (const Axis axis : all_axes) {
        axes.push_back({{"name", rule_of(axis).name}, {"help", rule_of(axis).help}, {"values", grid.values(axis)}});
    }
    return axes;
}

// The values of an axis that occur in these scores, in the grid's order: with several label sets a question has but
// those that ask it.
std::vector<std::string> values_in(const Grid& grid, Axis axis, const std::vector<CellScore>& scores) {
    std::vector<std::string> values;
    for (const auto& value : grid.values(axis)) {
        if (std::ranges::any_of(scores, [&](const auto& score) { return score.cell[axis] == value; })) {
            values.push_back(value);
        }
    }
    return values;
}

// Axes with two values or more, seeds apart, in these scores.
std::vector<Axis> compared(const Grid& grid, const std::vector<CellScore>& scores) {
    std::vector<Axis> axes;
    for (const Axis axis : grid.varied()) {
        if (axis != Axis::seed && values_in(grid, axis, scores).size() > 1) axes.push_back(axis);
    }
    return axes;
}

json interactions_json(const Grid& grid, const std::vector<CellScore>& scores) {
    json all = json::array();
    const auto axes = compared(grid, scores);
    for (std::size_t a = 0; a < axes.size(); ++a) {
        for (std::size_t b = a + 1; b < axes.size(); ++b) {
            const auto first = values_in(grid, axes[a], scores);
            const auto second = values_in(grid, axes[b], scores);
            json means = json::array();
            json contrasts = json::array();
            for (const auto& u : first) {
                for (const auto& v : second) {
                    means.push_back({{"values", {u, v}},
                                     {"estimate", mean_at(scores, std::vector<Setting>{{axes[a], u}, {axes[b], v}})}});
                    if (u == first.front() || v == second.front()) continue;
                    contrasts.push_back(
                        {{"values", {u, v}},
                         {"references", {first.front(), second.front()}},
                         {"estimate", interaction(scores, {axes[a], u, first.front()}, {axes[b], v, second.front()})}});
                }
            }
            all.push_back(
                {{"axes", {rule_of(axes[a]).name, rule_of(axes[b]).name}}, {"means", means}, {"contrasts", contrasts}});
        }
    }
    return all;
}

json question_json(const Grid& grid, const std::vector<CellResult>& cells, const Question& question,
                   const std::string& measure, const Resamples& resamples, unsigned threads) {
    const auto measured = measure_cells(cells, question, measure, resamples, threads);
    std::vector<CellScore> scores;
    json of_cells = json::array();
    for (const auto& cell : measured) {
        scores.push_back(cell.score);
        of_cells.push_back({{"settings", settings_json(cell.score.cell)},
                            {"score", cell.metric},
                            {"images", cell.images},
                            {"prevalence", question.kind == HeadKind::multi_label ? json(cell.prevalence) : json()}});
    }
    json marginals = json::array();
    json effects = json::array();
    for (const Axis axis : compared(grid, scores)) {
        const auto values = values_in(grid, axis, scores);
        for (const auto& value : values) {
            marginals.push_back({{"axis", rule_of(axis).name},
                                 {"value", value},
                                 {"estimate", mean_at(scores, std::vector<Setting>{{axis, value}})}});
            if (value == values.front()) continue;
            effects.push_back({{"axis", rule_of(axis).name},
                               {"value", value},
                               {"reference", values.front()},
                               {"estimate", effect(scores, axis, value, values.front())}});
        }
    }
    return {{"head", question.head},
            {"name", question.name},
            {"kind", to_string(question.kind)},
            {"units", question.units},
            {"measure", measure},
            {"chance", measured.front().metric.chance.value_or(0.0)},
            {"mean", mean_at(scores, {})},
            {"cells", of_cells},
            {"marginals", marginals},
            {"effects", effects},
            {"interactions", interactions_json(grid, scores)}};
}

// Holm over all effects of an axis on the measures that matter.
void add_holm(const Grid& grid, json& questions) {
    for (const Axis axis : grid.varied()) {
        std::vector<json*> effects;
        std::vector<double> p;
        for (auto& question : questions) {
            if (!question.at("primary").get<bool>()) continue;
            for (auto& effect : question.at("effects")) {
                if (effect.at("axis") != rule_of(axis).name || effect.at("estimate").at("p").is_null()) continue;
                effects.push_back(&effect);
                p.push_back(effect.at("estimate").at("p").get<double>());
            }
        }
        if (p.empty()) continue;
        const auto adjusted = holm_adjusted(p);
        for (std::size_t i = 0; i < effects.size(); ++i) (*effects[i])["p_holm"] = adjusted[i];
    }
}

// Means over seeds of what cells cost, by everything else.
json costs_json(const Grid& grid, const std::vector<CellResult>& cells) {
    json all = json::array();
    std::set<std::string> known;
    for (const auto& cell : cells) {
        auto settings = settings_json(cell.cell);
        settings.erase(rule_of(Axis::seed).name);
        if (!known.insert(settings.dump()).second) continue;
        json row = {{"settings", settings}, {"view", cell.view}, {"seeds", grid.values(Axis::seed).size()}};
        for (const char* exact : {"squares_per_image", "answer_multiply_adds", "learn_multiply_adds"}) {
            row[exact] = cell.cost.at(exact);
        }
        row["parameters"] = cell.held.at("parameters");
        for (const char* time : {"learn_s", "learn_cpu_s", "answer_s", "answer_cpu_s"}) {
            double sum = 0.0;
            double count = 0.0;
            for (const auto& other : cells) {
                auto theirs = settings_json(other.cell);
                theirs.erase(rule_of(Axis::seed).name);
                if (theirs != settings) continue;
                sum += other.cost.at(time).get<double>();
                count += 1.0;
            }
            row[time] = sum / count;
        }
        all.push_back(std::move(row));
    }
    return all;
}

// Scores of maps, each the mean over seeds of the images' median (sLift) or mean (sAUC), by everything but the seed.
json localisation_json(const std::vector<CellResult>& cells) {
    struct Row {
        json head;
        std::vector<double> slift;
        std::vector<double> sauc;
    };
    std::map<std::string, Row> rows;
    std::vector<std::string> order;
    for (const auto& cell : cells) {
        if (cell.localisation.is_null()) continue;
        auto settings = settings_json(cell.cell);
        settings.erase(rule_of(Axis::seed).name);
        for (const auto& of_map : cell.localisation.at("rows")) {
            json head = {{"settings", settings},
                         {"explained", cell.localisation.at("explained")},
                         {"truth", cell.localisation.at("truth")},
                         {"view", cell.localisation.at("view")},
                         {"images", of_map.at("images")},
                         {"map", of_map.at("map")},
                         {"stage", of_map.at("stage")},
                         {"kind", of_map.at("kind")}};
            auto key = head;
            key.erase("images");
            const auto [row, is_new] = rows.emplace(key.dump(), Row{head, {}, {}});
            if (is_new) order.push_back(key.dump());
            const auto add = [](const json& score, std::vector<double>& values) {
                if (!score.at("value").is_null()) values.push_back(score.at("value").get<double>());
            };
            add(of_map.at("slift"), row->second.slift);
            add(of_map.at("sauc"), row->second.sauc);
        }
    }
    json all = json::array();
    for (const auto& key : order) {
        const Row& row = rows.at(key);
        all.push_back(row.head);
        all.back()["slift"] = estimate_of(row.slift, {});
        all.back()["sauc"] = estimate_of(row.sauc, {});
    }
    return all;
}

json cell_list(const std::vector<CellResult>& cells) {
    json all = json::array();
    for (const auto& cell : cells) {
        all.push_back({{"settings", settings_json(cell.cell)},
                       {"hash", cell.hash},
                       {"view", cell.view},
                       {"best_epoch", cell.training.at("best_epoch")},
                       {"train_images", cell.training.at("train_images")},
                       {"cost", cell.cost},
                       {"support", cell.support},
                       {"localisation", cell.localisation},
                       {"provenance", cell.provenance}});
    }
    return all;
}

}  // namespace

json ablation_json(const Grid& grid, const std::vector<CellResult>& cells, unsigned threads) {
    const json held = held_json(cells);
    const auto& images = cells.front().images;
    for (const auto& cell : cells) {
        if (cell.images == images) continue;
        throw DataError(
            fmt::format("cells {} and {} answer different images (their scores cannot be paired). Run the "
                        "grid in an empty directory.",
                        cells.front().hash, cell.hash));
    }
    const auto resamples = draw_resamples(images.size(), resampling_seed);
    json questions = json::array();
    for (const auto& question : questions_of(cells)) {
        bool primary = true;
        for (const auto& measure : measures_of(question.kind)) {
            questions.push_back(question_json(grid, cells, question, measure, resamples, threads));
            questions.back()["primary"] = primary;
            primary = false;
        }
    }
    add_holm(grid, questions);
    return {{"command", "ablate"},
            {"schema", "braggbench-ablation/1"},
            {"grid", {{"name", grid.name}, {"description", grid.description}, {"toml", grid.text}}},
            {"axes", axes_json(grid)},
            {"test_images", images.size()},
            {"resamples", resamples.size()},
            {"held", held},
            {"questions", questions},
            {"costs", costs_json(grid, cells)},
            {"localisation", localisation_json(cells)},
            {"cells", cell_list(cells)},
            {"provenance", {{"version", version()}, {"git_commit", git_commit()}}}};
}

}  // namespace braggbench
