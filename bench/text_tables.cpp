#include "bench/text_tables.hpp"

#include <fmt/format.h>

#include "bench/text_numbers.hpp"

namespace braggbench {

std::string corpus_table(const nlohmann::json& s) {
    std::string out = fmt::format("{}: recipe {}, seed {}, {} images of {} x {} px\n", s.at("file").get<std::string>(),
                                  s.at("name").get<std::string>(), s.at("seed").get<std::uint64_t>(),
                                  s.at("images").get<std::int64_t>(), s.at("geometry").at("width_px").get<int>(),
                                  s.at("geometry").at("height_px").get<int>());
    const auto& geometry = s.at("geometry");
    out += fmt::format("distance {} mm, pixel {} mm, wavelength {} A, resolution at the edge {} A\n\n",
                       number_text(geometry.at("distance_mm"), 2), number_text(geometry.at("pixel_size_mm"), 4),
                       number_text(geometry.at("wavelength_A"), 5), number_text(geometry.at("d_edge_A"), 2));
    out += fmt::format("{:<14} {:>8} {:>8} {:>10} {:>8}   visible peaks: median (5 to 95 %)\n", "class", "images",
                       "train", "validation", "test");
    const auto& classes = s.at("classes");
    for (std::size_t c = 0; c < classes.size(); ++c) {
        const auto& counts = s.at("counts")[c];
        out += fmt::format("{:<14} {:>8} {:>8} {:>10} {:>8}", classes[c].at("name").get<std::string>(),
                           classes[c].at("images").get<std::int64_t>(), counts[0].get<std::int64_t>(),
                           counts[1].get<std::int64_t>(), counts[2].get<std::int64_t>());
        if (const auto& peaks = classes[c].at("visible_peaks"); peaks.is_object()) {
            out += fmt::format("   {} ({} to {})", number_text(peaks.at("median"), 0), number_text(peaks.at("p05"), 0),
                               number_text(peaks.at("p95"), 0));
        }
        out += '\n';
    }
    return out;
}

std::string explanation_table(const nlohmann::json& e) {
    std::string out = fmt::format("{} {} images of {}", e.at("images").get<int>(), e.at("split").get<std::string>(),
                                  e.at("corpus").get<std::string>());
    const bool several = e.contains("models");
    if (!several) {
        out += fmt::format(", {} of them without visible peaks (localisation undefined)",
                           e.at("undefined_images").get<int>());
    }
    out += "\n\n";
    for (const auto& model : several ? e.at("models") : nlohmann::json::array({e})) {
        const auto& control = model.at("causal_control");
        out += fmt::format(
            "{}: without its peaks the explained output loses D = {} more than without others' (raw {}; "
            "{} images)\n",
            model.at("model").get<std::string>(), metric_text(control.at("d"), 3), metric_text(control.at("d_raw"), 2),
            control.at("images").get<int>());
    }
    out += "\n";
    const std::size_t model_width = several ? 16 : 0;
    bool any_fails = false;
    out += fmt::format("{:<{}}{:<12} {:<24} {:<10} {:>6} {:<22} {:>7} {:>7} {:>7} {:>8} {:>8}\n",
                       several ? "model" : "", model_width, "kind", "map", "stage", "stride", "sLift (chance 1)",
                       "p<=.05", "sAUC", "recall", "ceiling", "fraction");
    for (const auto& row : e.at("rows")) {
        const auto text = [&](const char* key) {
            return row.at(key).is_string() ? row.at(key).get<std::string>() : "-";
        };
        const bool fails = row.value("fails_randomisation", false);
        any_fails = any_fails || fails;
        out +=
            fmt::format("{:<{}}{:<12} {:<24} {:<10} {:>6} {:<22} {:>7} {:>7} {:>7} {:>8} {:>8}\n",
                        several ? text("model") : "", model_width, text("kind"), text("map") + (fails ? " (!)" : ""),
                        text("stage"), number_text(row.at("stride_px"), 0), metric_text(row.at("slift"), 2),
                        number_text(row.at("significant").at("value"), 2), number_text(row.at("sauc").at("value"), 3),
                        number_text(row.at("peak_recall").at("value"), 3), number_text(row.at("oracle_slift"), 2),
                        number_text(row.at("ceiling_fraction").at("value"), 2));
    }
    if (any_fails) out += "\n(!) fails the randomisation check: its maps look alike whatever the network learned\n";
    return out;
}

}  // namespace braggbench
