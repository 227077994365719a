#include <fmt/format.h>

#include <array>

#include "bench/text_numbers.hpp"
#include "bench/text_tables.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

struct Column {
    const char* key;
    const char* heading;
    int digits;
};
constexpr std::array<Column, 9> columns = {{{"slift", "sLift", 2},
                                            {"sauc", "sAUC", 3},
                                            {"average_precision", "AP", 3},
                                            {"rank_accuracy", "rank acc.", 3},
                                            {"nss", "NSS", 2},
                                            {"peak_recall", "recall", 3},
                                            {"pointing", "pointing", 3},
                                            {"ceiling_fraction", "of ceiling", 2},
                                            {"significant", "p<=.05", 2}}};

std::string scores_block(const json& row) {
    std::string out = fmt::format("{:<14} {:<24} {:>8}\n", "score", "value [95 % interval]", "chance");
    for (const Column& column : columns) {
        const json& metric = row.at(column.key);
        out += fmt::format("{:<14} {:<24} {:>8}\n", column.heading, metric_text(metric, column.digits),
                           number_text(metric.at("chance"), column.digits));
    }
    out += fmt::format("{:<14} {}\n", "p", number_text(row.at("permutation_p"), 4));
    return out;
}

std::string all_rows(const json& rows) {
    std::string out = fmt::format("{:<9} {:<24} {:<10} {:>6}", "kind", "map", "stage", "stride");
    for (const Column& column : columns) out += fmt::format(" {:>10}", column.heading);
    out += fmt::format(" {:>7}\n", "p");
    for (const json& row : rows) {
        out += fmt::format("{:<9} {:<24} {:<10} {:>6}", row.at("kind").get<std::string>(),
                           row.at("map").get<std::string>(), row.at("stage").get<std::string>(),
                           number_text(row.at("stride_px"), 0));
        for (const Column& column : columns) {
            out += fmt::format(" {:>10}", number_text(row.at(column.key).at("value"), column.digits));
        }
        out += fmt::format(" {:>7}\n", number_text(row.at("permutation_p"), 4));
    }
    return out;
}

std::string between(const json& part, const char* unit) {
    return part.at("high").is_null()
               ? fmt::format(">= {}{}", number_text(part.at("low"), 1), unit)
               : fmt::format("{} - {}{}", number_text(part.at("low"), 1), number_text(part.at("high"), 1), unit);
}

// One line for each part of the images or of the peaks.
template <class Name>
std::string parts_block(const char* heading, const json& parts, const Name& name) {
    if (parts.empty()) return "";
    std::string out = fmt::format("\n{:<20} {:>7} {:<24} {:>7} {:<24} {:>8}\n", heading, "images", "sLift (chance 1)",
                                  "p", "recall", "chance");
    for (const json& part : parts) {
        const bool has_recall = part.contains("peak_recall");
        out += fmt::format("{:<20} {:>7} {:<24} {:>7} {:<24} {:>8}\n", name(part), part.at("images").get<int>(),
                           metric_text(part.at("slift"), 2), number_text(part.at("permutation_p"), 4),
                           has_recall ? metric_text(part.at("peak_recall"), 3) : "",
                           has_recall ? number_text(part.at("peak_recall").at("chance"), 3) : "");
    }
    return out;
}

}  // namespace

std::string map_scores_table(const json& scores) {
    const json& given = scores.at("rows").front();
    std::string out = fmt::format(
        "{}: {} maps of {}, {} of them where localisation is undefined\n"
        "truth: {}; radius {} px; {} nulls; unusable maps: {} zero, {} constant, {} not finite\n\n",
        given.at("map").get<std::string>(), scores.at("images").get<int>(), scores.at("corpus").get<std::string>(),
        scores.at("undefined_images").get<int>(), scores.at("truth").get<std::string>(),
        number_text(scores.at("radius_px"), 0), scores.at("nulls_per_image").get<int>(),
        given.at("zero_maps").get<int>(), given.at("constant_maps").get<int>(), given.at("non_finite_maps").get<int>());
    out += scores_block(given) + "\n" + all_rows(scores.at("rows"));
    out +=
        parts_block("class", given.at("by_class"), [](const json& part) { return part.at("name").get<std::string>(); });
    out += parts_block("signal to noise", given.at("by_snr"), [](const json& part) { return between(part, ""); });
    out += parts_block("resolution", given.at("by_d_A"), [](const json& part) { return between(part, " A"); });
    out += parts_block("radius", given.at("by_radius"),
                       [](const json& part) { return fmt::format("{} px", number_text(part.at("radius_px"), 1)); });
    return out;
}

}  // namespace braggbench
