#include <fmt/format.h>

#include "bench/text_numbers.hpp"
#include "bench/text_tables.hpp"

namespace braggbench {

namespace {

using nlohmann::json;

std::string census_lines(const json& census) {
    std::string out = fmt::format("maps over {} images, epsilon {:g}\n{:<12} {:>6} {:>6} {:>9} {:>6} {:>11} {:>9}{}\n",
                                  census.at("images").get<std::int64_t>(), census.at("epsilon").get<double>(), "stage",
                                  "maps", "dead", "constant", "same", "not finite", "rms", "   random weights: dead");
    const json& untrained = census.at("untrained");
    const json& stages = census.at("trained").at("stages");
    for (std::size_t s = 0; s < stages.size(); ++s) {
        const json& stage = stages[s];
        out +=
            fmt::format("{:<12} {:>6} {:>6} {:>9} {:>6} {:>11} {:>9}   {:>20}\n", stage.at("stage").get<std::string>(),
                        stage.at("maps").get<std::int64_t>(), stage.at("dead").size(), stage.at("constant").size(),
                        stage.at("blind").size(), stage.at("non_finite").size(), number_text(stage.at("rms"), 3),
                        untrained.is_null() ? "n/a" : std::to_string(untrained.at("stages")[s].at("dead").size()));
    }
    out += fmt::format("\n{:<16} {:>7} {:>5} {:>6} {:>5}   dead because of: {:>6} {:>8} {:>6}\n", "layer", "inputs",
                       "dead", "maps", "dead", "input", "weights", "data");
    for (const json& layer : census.at("trained").at("layers")) {
        if (!layer.at("rectified").get<bool>()) continue;
        const json& causes = layer.at("dead_by");
        out += fmt::format("{:<16} {:>7} {:>5} {:>6} {:>5}   {:>23} {:>8} {:>6}\n", layer.at("name").get<std::string>(),
                           layer.at("inputs").get<std::int64_t>(), layer.at("dead_inputs").get<std::int64_t>(),
                           layer.at("maps").get<std::int64_t>(), layer.at("dead").get<std::int64_t>(),
                           causes.at("input").get<std::int64_t>(), causes.at("weights").get<std::int64_t>(),
                           causes.at("data").get<std::int64_t>());
    }
    return out;
}

std::string inversion_lines(const json& inversion) {
    std::string out = fmt::format("\n{:<10} {:<10} {:>9} {:>14} {:>12} {:>24} {:>7} {:>7}\n", "network", "stage",
                                  "TV weight", "feature error", "correlation", "spot recall", "chance", "p");
    for (const json& row : inversion.at("rows")) {
        out += fmt::format("{:<10} {:<10} {:>9g} {:>14} {:>12} {:>24} {:>7} {:>7}\n",
                           row.at("network").get<std::string>(), row.at("stage").get<std::string>(),
                           row.at("tv_weight").get<double>(), number_text(row.at("feature_error").at("value"), 4),
                           number_text(row.at("correlation").at("value"), 3), metric_text(row.at("spot_recall"), 3),
                           number_text(row.at("spot_recall").at("chance"), 3), number_text(row.at("spot_recall_p"), 3));
    }
    return out;
}

}  // namespace

std::string inside_table(const json& inside) {
    std::string out;
    if (!inside.at("census").is_null()) out += census_lines(inside.at("census"));
    if (!inside.at("inversion").is_null()) out += inversion_lines(inside.at("inversion"));
    return out + fmt::format("\nfilters of {} layers\n", inside.at("filters").size());
}

}  // namespace braggbench
