#include <fmt/format.h>

#include <array>
#include <string>

#include "bench/text_numbers.hpp"
#include "bench/text_tables.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

std::string band_text(const json& band) {
    return band.at("high").is_null()
               ? fmt::format(">= {:g}", band.at("low").get<double>())
               : fmt::format("{:g} - {:g}", band.at("low").get<double>(), band.at("high").get<double>());
}

// One line a band, a column of recalls a finder.
std::string bands_block(const json& finders, const char* key, const char* heading, const char* score) {
    std::string out = fmt::format("\n{:<28} {:>8}", fmt::format("{} by {}", score, heading), "peaks");
    for (const json& finder : finders) out += fmt::format("  {:<22}", finder.at("finder").get<std::string>());
    out += '\n';
    const bool of_found = std::string_view(score) == "precision";
    for (std::size_t b = 0; b < finders.front().at(key).size(); ++b) {
        const json& first = finders.front().at(key)[b];
        out += fmt::format("{:<28} {:>8}", band_text(first),
                           of_found ? std::string() : fmt::format("{:.0f}", first.at("true_peaks").get<double>()));
        for (const json& finder : finders) out += fmt::format("  {:<22}", metric_text(finder.at(key)[b].at(score), 3));
        out += '\n';
    }
    return out;
}

}  // namespace

std::string peak_scores_table(const json& scores) {
    const json& finders = scores.at("finders");
    std::string out = fmt::format("{}: {} images, {} visible peaks; radius {:g} px\n\n",
                                  scores.at("corpus").get<std::string>(), scores.at("images").get<int>(),
                                  scores.at("visible_peaks").get<int>(), scores.at("radius_px").get<double>());
    out += fmt::format("{:<20} {:<22} {:<22} {:<22} {:>7} {:>11} {:>14} {:>9}\n", "finder", "precision", "recall", "F1",
                       "chance", "false/empty", "offset px", "images/s");
    for (const json& finder : finders) {
        const json& offset = finder.at("offset");
        out += fmt::format(
            "{:<20} {:<22} {:<22} {:<22} {:>7} {:>11} {:>14} {:>9}\n", finder.at("finder").get<std::string>(),
            metric_text(finder.at("precision"), 3), metric_text(finder.at("recall"), 3),
            metric_text(finder.at("f1"), 3), number_text(finder.at("f1").at("chance"), 3),
            number_text(finder.at("false_peaks_per_empty_image").at("value"), 2),
            number_text(offset.at("median_fast_px"), 3) + " " + number_text(offset.at("median_slow_px"), 3),
            number_text(finder.at("images_per_s"), 0));
    }
    if (finders.empty()) return out;
    struct Block {
        const char* key;
        const char* heading;
    };
    for (const auto& [key, heading] : std::array<Block, 4>{{{"by_snr", "signal-to-noise"},
                                                            {"by_d_A", "resolution (A)"},
                                                            {"by_size_px", "spot sigma (px)"},
                                                            {"by_background_photons", "background (photons)"}}}) {
        out += bands_block(finders, key, heading, "recall");
    }
    out += bands_block(finders, "by_d_A", "resolution (A)", "precision");
    out += fmt::format("\n{:<28} {:>8}", "F1 by class", "peaks");
    for (const json& finder : finders) out += fmt::format("  {:<22}", finder.at("finder").get<std::string>());
    out += '\n';
    for (std::size_t c = 0; c < finders.front().at("by_class").size(); ++c) {
        const json& first = finders.front().at("by_class")[c];
        out +=
            fmt::format("{:<28} {:>8.0f}", first.at("name").get<std::string>(), first.at("true_peaks").get<double>());
        for (const json& finder : finders) {
            out += fmt::format("  {:<22}", metric_text(finder.at("by_class")[c].at("f1"), 3));
        }
        out += '\n';
    }
    return out;
}

}  // namespace braggbench
