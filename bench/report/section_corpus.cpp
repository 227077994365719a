#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <vector>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

using Formatter = std::function<std::string(double)>;

std::string setting(double value) { return format_setting(value); }

// A drawn or derived number: three figures say enough.
std::string rounded(double value) {
    constexpr double too_long = 1e7;
    if (std::abs(value) >= too_long) return format_scientific(value);
    return std::abs(value) >= 999.5 ? format_count(std::llround(value)) : format(value);
}

// [low, high] or a number, once if both ends read the same; `unit` follows.
std::string range(const json& value, const Formatter& formatter, std::string_view unit) {
    if (value.is_null()) return "n/a";
    std::string words;
    if (value.is_array()) {
        const std::string low = formatter(value.at(0).get<double>());
        const std::string high = formatter(value.at(1).get<double>());
        words = low == high ? low : fmt::format("{} to {}", low, high);
    } else {
        words = formatter(value.get<double>());
    }
    return unit.empty() ? words : fmt::format("{}\u00a0{}", words, unit);
}

std::string counts_table(const json& summary) {
    std::string header;
    const json& splits = member(summary, "splits");
    for (const json& split : splits) {
        header += fmt::format("<th scope=\"col\" class=\"num\">{}</th>", escape(split.get<std::string>()));
    }
    std::vector<std::int64_t> totals(splits.size(), 0);
    std::string rows;
    const json& counts = member(summary, "counts");
    std::size_t class_index = 0;
    for (const json& described : member(summary, "classes")) {
        std::string cells;
        for (std::size_t split = 0; split < splits.size(); ++split) {
            const auto n = counts.at(class_index).at(split).get<std::int64_t>();
            totals[split] += n;
            cells += fmt::format("<td class=\"num\">{}</td>", format_count(n));
        }
        ++class_index;
        const std::int64_t images = count(described, "images");
        const std::int64_t crystals = count(described, "crystal_images");
        const json& peaks = member(described, "visible_peaks");
        std::string peak_words = "n/a";
        if (!peaks.is_null()) {
            peak_words =
                fmt::format("{:.0f}<span class=\"sub\">{:.0f} to {:.0f}</span>", number(peaks, "median").value_or(0),
                            number(peaks, "p05").value_or(0), number(peaks, "p95").value_or(0));
        }
        rows += fmt::format(
            "<tr><th scope=\"row\">{}</th>{}<td class=\"num total\">{}</td><td>{}</td><td class=\"num\">{}</td><td "
            "class=\"num\">{}</td></tr>\n",
            escape(text(described, "name")), cells, format_count(images),
            crystals == 0 ? "none" : (crystals == images ? "yes" : fmt::format("in {}", format_count(crystals))),
            range(member(described, "fluence_photons_per_m2"), format_scientific, ""), peak_words);
    }
    std::string foot;
    for (const std::int64_t total : totals) foot += fmt::format("<td class=\"num\">{}</td>", format_count(total));
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Images by class and "
        "split\"><table><caption>Images by class and split</caption>\n"
        "<thead><tr><th scope=\"col\">Class</th>{}<th scope=\"col\" class=\"num\">all</th><th "
        "scope=\"col\">crystal</th><th scope=\"col\" class=\"num\">photons per m\u00b2</th><th scope=\"col\" "
        "class=\"num\">visible peaks<span class=\"sub\">median, 5 to 95\u202f%</span></th></tr></thead>\n"
        "<tbody>{}</tbody>\n<tfoot><tr><th scope=\"row\">all</th>{}<td class=\"num "
        "total\">{}</td><td></td><td></td><td></td></tr></tfoot></table></div>\n",
        header, rows, foot, format_count(count(summary, "images")));
}

struct Fact {
    std::string name;
    std::string value;  // HTML
};

std::string fact_list(std::string_view heading, const std::vector<Fact>& facts) {
    std::string items;
    for (const Fact& fact : facts) items += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", fact.name, fact.value);
    return fmt::format("<div class=\"facts\"><h3>{}</h3><dl>\n{}</dl></div>\n", heading, items);
}

std::string facts(const json& summary) {
    const json& geometry = member(summary, "geometry");
    const json& ranges = member(summary, "ranges");
    const json& recipe = member(summary, "recipe");
    const json& response = member(summary, "response");
    const auto fact = [](std::string_view name, const json& object, std::string_view key, std::string_view unit) {
        return Fact{std::string(name),
                    range(member(object, key), member(object, key).is_array() ? rounded : setting, unit)};
    };
    // By the recipe's own keys; what is zero in every image is not there.
    std::vector<Fact> drawn;
    std::vector<Fact> constant;
    for (const auto& [name, ends] : ranges.items()) {
        if (ends.is_array() && (ends[0] != 0 || ends[1] != 0)) {
            (ends[0] == ends[1] ? constant : drawn)
                .push_back({fmt::format("<code>{}</code>", escape(name)), range(ends, rounded, "")});
        }
    }
    const std::string pixels =
        fmt::format("{} \u00d7 {} px of {}\u00a0mm", count(geometry, "width_px"), count(geometry, "height_px"),
                    format_setting(number(geometry, "pixel_size_mm")));
    const std::string beam_centre =
        fmt::format("fast {}, slow {}", range(member(geometry, "beam_fast_px"), rounded, "px"),
                    range(member(geometry, "beam_slow_px"), rounded, "px"));
    return "<div class=\"columns\">\n" +
           fact_list("Beam and detector", {{"Image", pixels},
                                           fact("Detector distance", geometry, "distance_mm", "mm"),
                                           fact("Wavelength", geometry, "wavelength_A", "\u00c5"),
                                           fact("Photon energy", geometry, "photon_energy_keV", "keV"),
                                           {"Beam centre", beam_centre},
                                           fact("Resolution at the edge", geometry, "d_edge_A", "\u00c5"),
                                           fact("Resolution in the corner", geometry, "d_corner_A", "\u00c5"),
                                           fact("Beam diameter", recipe, "beam_diameter_um", "\u00b5m"),
                                           fact("Polarisation (Kahn factor)", recipe, "polarization", "")}) +
           fact_list("Sample and response", {{"Structure", escape(text(recipe, "model", "n/a"))},
                                             fact("Structure factors to", recipe, "d_min_A", "\u00c5"),
                                             fact("Gain", response, "gain_adu_per_photon", "ADU per photon"),
                                             fact("Read-out noise, rms", response, "read_noise_rms_adu", "ADU"),
                                             fact("Offset", response, "offset_adu", "ADU"),
                                             fact("Saturation", response, "saturation_adu", "ADU")}) +
           fact_list("Drawn for each image", drawn) + fact_list("The same in every image", constant) + "</div>\n";
}

std::string visible_rule(const json& summary) {
    const json& rule = member(summary, "visible_rule");
    return fmt::format(
        "<p class=\"rule\"><strong>Visible</strong> means: the signal-to-noise ratio "
        "<i>S</i>\u2009/\u2009\u221a(<i>S</i> + <i>A</i>(<i>B</i> + <i>r</i>\u00b2)) is at least {} and the "
        "peak\u2019s centre lies on a valid pixel, where <i>S</i> is the peak\u2019s expected photons, <i>A</i> = "
        "4\u03c0\u221adet\u2009<i>C</i> its area in pixels for a footprint of covariance <i>C</i>, <i>B</i> the "
        "background photons per pixel under it and <i>r</i> the read-out noise in photons. Peaks with fewer than {} "
        "expected photons are not listed.</p>\n",
        format_setting(number(rule, "min_snr")), format_setting(number(rule, "listed_min_photons")));
}

std::string contact_sheet_figure(const ReportInput& input) {
    if (input.contact_sheet_png.empty())
        return "<p class=\"absent\">The contact sheet is absent from this report.</p>\n";
    return fmt::format(
        "<figure class=\"sheet\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Contact "
        "sheet\"><img src=\"{}\" alt=\"Contact sheet: example images of every class, a row per class, with circles "
        "around the visible Bragg peaks in the right half of each\"></div><figcaption>Examples, a row per class: dark "
        "is bright, on a "
        "square-root scale; in the right half of each image a "
        "circle marks every visible peak of the simulator\u2019s own list, the left half is as it was "
        "made.</figcaption></figure>\n",
        png_data_uri(input.contact_sheet_png));
}

}  // namespace

std::string corpus_section(const ReportInput& input) {
    const json& summary = input.corpus_summary;
    std::string section = "<section id=\"simulated\">\n<h2>1. What was simulated</h2>\n";
    if (summary.is_null()) {
        return section + absent("The corpus summary is", "braggbench inspect --json") + "</section>\n";
    }
    std::string description = text(summary, "description");
    if (!description.empty() && description.back() != '.') description += '.';
    section += fmt::format(
        "<p>{} synthetic diffraction images, recipe <strong>{}</strong>, seed {}{} The class of an image is the rule "
        "that made it, and its peaks are the simulator\u2019s own; neither is guessed from pixels.</p>\n",
        format_count(count(summary, "images")), escape(text(summary, "name", "unnamed")),
        escape(text(summary, "seed", "n/a")), description.empty() ? "." : ": " + escape(description));
    section += counts_table(summary) + facts(summary) + contact_sheet_figure(input) + visible_rule(summary);
    return section + "</section>\n";
}

}  // namespace braggbench::report
