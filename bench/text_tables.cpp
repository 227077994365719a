#include "bench/text_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace braggbench {

namespace {

std::string number(const nlohmann::json& value, int digits) {
    return value.is_number() ? fmt::format("{:.{}f}", value.get<double>(), digits) : "n/a";
}

// "0.973 [0.960, 0.982]"
std::string with_interval(const nlohmann::json& metric, int digits) {
    std::string text = number(metric.at("value"), digits);
    if (const auto& ci = metric.at("ci95"); ci.is_array()) {
        text += fmt::format(" [{}, {}]", number(ci[0], digits), number(ci[1], digits));
    }
    return text;
}

}  // namespace

std::string corpus_table(const nlohmann::json& s) {
    std::string out = fmt::format("{}: recipe {}, seed {}, {} images of {} x {} px\n", s.at("file").get<std::string>(),
                                  s.at("name").get<std::string>(), s.at("seed").get<std::uint64_t>(),
                                  s.at("images").get<std::int64_t>(), s.at("geometry").at("width_px").get<int>(),
                                  s.at("geometry").at("height_px").get<int>());
    const auto& geometry = s.at("geometry");
    out += fmt::format("distance {} mm, pixel {} mm, wavelength {} A, resolution at the edge {} A\n\n",
                       number(geometry.at("distance_mm"), 2), number(geometry.at("pixel_size_mm"), 4),
                       number(geometry.at("wavelength_A"), 5), number(geometry.at("d_edge_A"), 2));
    out += fmt::format("{:<14} {:>8} {:>8} {:>10} {:>8}   visible peaks: median (5 to 95 %)\n", "class", "images",
                       "train", "validation", "test");
    const auto& classes = s.at("classes");
    for (std::size_t c = 0; c < classes.size(); ++c) {
        const auto& counts = s.at("counts")[c];
        out += fmt::format("{:<14} {:>8} {:>8} {:>10} {:>8}", classes[c].at("name").get<std::string>(),
                           classes[c].at("images").get<std::int64_t>(), counts[0].get<std::int64_t>(),
                           counts[1].get<std::int64_t>(), counts[2].get<std::int64_t>());
        if (const auto& peaks = classes[c].at("visible_peaks"); peaks.is_object()) {
            out += fmt::format("   {} ({} to {})", number(peaks.at("median"), 0), number(peaks.at("p05"), 0),
                               number(peaks.at("p95"), 0));
        }
        out += '\n';
    }
    return out;
}

std::string evaluation_table(const nlohmann::json& e) {
    std::string out = fmt::format("{} {} images of {}\n\n", e.at("images").get<int>(), e.at("split").get<std::string>(),
                                  e.at("corpus").get<std::string>());
    for (const char* name : {"accuracy", "balanced_accuracy", "mcc"}) {
        out += fmt::format("{:<20} {:<26} chance {}\n", name, with_interval(e.at(name), 4),
                           number(e.at(name).at("chance"), 4));
    }
    out += "\naccuracy of baselines on the same images\n";
    for (const auto& [name, metric] : e.at("chance_levels").items()) {
        out += fmt::format("  {:<18} {}\n", name, with_interval(metric, 4));
    }
    out += fmt::format("\n{:<14} {:>7}  {:<26} {:<26} {}\n", "class", "images", "recall", "precision",
                       "confused with (true class per row)");
    const auto& classes = e.at("classes");
    for (std::size_t c = 0; c < classes.size(); ++c) {
        std::string row;
        for (const auto& count : e.at("confusion")[c]) row += fmt::format("{:>6}", count.get<int>());
        out += fmt::format("{:<14} {:>7}  {:<26} {:<26} {}\n", classes[c].at("name").get<std::string>(),
                           classes[c].at("support").get<int>(), with_interval(classes[c].at("recall"), 3),
                           with_interval(classes[c].at("precision"), 3), row);
    }
    return out;
}

std::string explanation_table(const nlohmann::json& e) {
    std::string out = fmt::format("{} {} images of {}, {} of them without visible peaks (localisation undefined)\n\n",
                                  e.at("images").get<int>(), e.at("split").get<std::string>(),
                                  e.at("corpus").get<std::string>(), e.at("undefined_images").get<int>());
    out += fmt::format("{:<12} {:<18} {:<10} {:>6} {:<22} {:>7} {:>7} {:>7} {:>8} {:>8}\n", "kind", "map", "stage",
                       "stride", "sLift (chance 1)", "p<=.05", "sAUC", "recall", "ceiling", "fraction");
    for (const auto& row : e.at("rows")) {
        const auto text = [&](const char* key) {
            return row.at(key).is_string() ? row.at(key).get<std::string>() : "-";
        };
        out += fmt::format("{:<12} {:<18} {:<10} {:>6} {:<22} {:>7} {:>7} {:>7} {:>8} {:>8}\n", text("kind"),
                           text("map"), text("stage"), number(row.at("stride_px"), 0),
                           with_interval(row.at("slift"), 2), number(row.at("significant").at("value"), 2),
                           number(row.at("sauc").at("value"), 3), number(row.at("peak_recall").at("value"), 3),
                           number(row.at("oracle_slift"), 2), number(row.at("ceiling_fraction").at("value"), 2));
    }
    return out;
}

}  // namespace braggbench
