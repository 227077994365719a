#include "bench/ablation/cell_result.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>

#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr const char* cell_schema = "braggbench-ablation-cell/1";

json rows_json(const std::vector<std::vector<float>>& rows) {
    json all = json::array();
    for (const auto& row : rows) {
        json one = json::array();
        for (const float value : row) one.push_back(std::isnan(value) ? json() : json(value));
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<std::vector<float>> rows_of(const json& all) {
    std::vector<std::vector<float>> rows;
    for (const auto& one : all) {
        auto& row = rows.emplace_back();
        for (const auto& value : one) row.push_back(value.is_null() ? unknown_target : value.get<float>());
    }
    return rows;
}

std::string differing(const CellResult& cell) {
    std::string text;
    for (const Axis axis : all_axes)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", rule_of(axis).name, cell.cell[axis]);
    return text;
}

}  // namespace

json to_json(const CellResult& result) {
    json settings;
    for (const Axis axis : all_axes) settings[rule_of(axis).name] = result.cell[axis];
    return {{"schema", cell_schema},
            {"settings", settings},
            {"hash", result.hash},
            {"view", result.view},
            {"heads", result.heads},
            {"held", result.held},
            {"cost", result.cost},
            {"training", result.training},
            {"support", result.support},
            {"localisation", result.localisation},
            {"images", result.images},
            {"scores", rows_json(result.scores)},
            {"truth", rows_json(result.truth)},
            {"provenance", result.provenance}};
}

CellResult read_cell(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    try {
        const auto all = json::parse(file);
        if (all.at("schema") != cell_schema) throw DataError("another schema");
        CellResult result;
        for (const Axis axis : all_axes) {
            result.cell.values[static_cast<std::size_t>(axis)] = all.at("settings").at(rule_of(axis).name);
        }
        result.hash = all.at("hash");
        result.view = all.at("view");
        result.heads = all.at("heads").get<std::vector<Head>>();
        result.images = all.at("images").get<std::vector<std::int64_t>>();
        result.scores = rows_of(all.at("scores"));
        result.truth = rows_of(all.at("truth"));
        for (const auto& [key, place] :
             {std::pair("held", &result.held), std::pair("cost", &result.cost), std::pair("training", &result.training),
              std::pair("support", &result.support), std::pair("localisation", &result.localisation),
              std::pair("provenance", &result.provenance)}) {
            *place = all.at(key);
        }
        return result;
    } catch (const std::exception& error) {
        throw DataError(
            fmt::format("{}: cannot be used as the result of a cell ({}). Delete it; the cell is then run "
                        "again.",
                        path.string(), error.what()));
    }
}

void write_cell(const std::filesystem::path& path, const CellResult& result) {
    replace_file(path, to_json(result).dump() + "\n");
}

const std::vector<HeldRule>& held_rules() {
    static const std::vector<HeldRule> rules = {
        {"test_images", "test images", {}},
        {"validation_images", "validation images", {}},
        {"train_images", "training images", {Axis::training_size, Axis::seed}},
        {"image_labels", "what is true of the images as a whole", {Axis::labels, Axis::native_px}},
        {"options", "optimiser, schedule, batch, epochs, variation", {}},
        {"steps", "steps of the optimiser", {Axis::training_size}},
        {"views_learned", "squares learned from, over all epochs", {Axis::training_size}},
        {"input_px", "edge of a square, px", {Axis::input_px}},
        {"multiply_adds", "multiply-adds of one square", {Axis::input_px, Axis::model, Axis::labels}},
        {"parameters", "weights of the network", {Axis::input_px, Axis::model, Axis::labels}},
        {"learned_parameters", "of these learned", {Axis::input_px, Axis::model, Axis::labels, Axis::initialisation}},
    };
    return rules;
}

json held_json(const std::vector<CellResult>& cells) {
    json all = json::array();
    for (const auto& rule : held_rules()) {
        std::map<std::string, const CellResult*> first;  // by the values of the axes that it follows
        json values = json::array();
        json follows = json::array();
        for (const Axis axis : rule.follows) follows.push_back(rule_of(axis).name);
        for (const auto& cell : cells) {
            json where = json::object();
            for (const Axis axis : rule.follows) where[rule_of(axis).name] = cell.cell[axis];
            const auto [known, is_new] = first.emplace(where.dump(), &cell);
            const auto& value = cell.held.at(rule.name);
            if (is_new) {
                values.push_back({{"where", where}, {"value", value}});
            } else if (known->second->held.at(rule.name) != value) {
                throw DataError(fmt::format(
                    "two cells differ in what should be the same: {} are {} in the one ({}) and {} in the other ({}). "
                    "Their scores cannot be compared; run the grid in an empty directory.",
                    rule.words, known->second->held.at(rule.name).dump(), differing(*known->second), value.dump(),
                    differing(cell)));
            }
        }
        all.push_back({{"name", rule.name}, {"words", rule.words}, {"follows", follows}, {"values", values}});
    }
    return all;
}

}  // namespace braggbench
