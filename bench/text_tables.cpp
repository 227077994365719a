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
    std::string out = fmt::format("{} {} images of {}, {} of them without visible peaks (localisation undefined)\n\n",
                                  e.at("images").get<int>(), e.at("split").get<std::string>(),
                                  e.at("corpus").get<std::string>(), e.at("undefined_images").get<int>());
    out += fmt::format("{:<12} {:<18} {:<10} {:>6} {:<22} {:>7} {:>7} {:>7} {:>8} {:>8}\n", "kind", "map", "stage",
                       "stride", "sLift (chance 1)", "p<=.05", "sAUC", "recall", "ceiling", "fraction");
    for (const auto& row : e.at("rows")) {
        const auto text = [&](const char* key) {
            return row.at(key).is_string() ? row.at(key).get<std::string>() : "-";
        };
        out +=
            fmt::format("{:<12} {:<18} {:<10} {:>6} {:<22} {:>7} {:>7} {:>7} {:>8} {:>8}\n", text("kind"), text("map"),
                        text("stage"), number_text(row.at("stride_px"), 0), metric_text(row.at("slift"), 2),
                        number_text(row.at("significant").at("value"), 2), number_text(row.at("sauc").at("value"), 3),
                        number_text(row.at("peak_recall").at("value"), 3), number_text(row.at("oracle_slift"), 2),
                        number_text(row.at("ceiling_fraction").at("value"), 2));
    }
    return out;
}

}  // namespace braggbench
