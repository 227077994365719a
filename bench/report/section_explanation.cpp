#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <utility>

#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "bench/report/svg_charts.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

constexpr std::size_t gallery_size = 12;

struct Kind {
    std::string_view key;
    std::string_view heading;
    std::string_view dot_style;
};
constexpr std::array<Kind, 4> kinds = {{{"attribution", "Attribution maps of the trained network", "lead"},
                                        {"untrained", "The same maps of an untrained network", "plain"},
                                        {"baseline", "Maps that need no network", "plain"},
                                        {"oracle", "The true peaks brought to the grid: the ceiling", "faint"}}};

struct Score {
    std::string_view key;
    std::string_view heading;
    NumberStyle style;
};
constexpr std::array<Score, 7> scores = {{{"slift", "sLift", NumberStyle::plain},
                                          {"significant", "significant", NumberStyle::percent},
                                          {"sauc", "sAUC", NumberStyle::plain},
                                          {"lift", "lift", NumberStyle::plain},
                                          {"peak_recall", "peak recall", NumberStyle::percent},
                                          {"average_precision", "AP", NumberStyle::plain},
                                          {"ceiling_fraction", "of ceiling", NumberStyle::percent}}};

std::string definitions(const json& explanation) {
    return fmt::format(
        "<dl class=\"terms\">\n"
        "<div><dt>sLift</dt><dd>the map\u2019s mean over the true peaks divided by its mean over the peak positions of "
        "other images of the same class, so that merely favouring the rings where peaks are frequent earns 1, the "
        "chance level.</dd></div>\n"
        "<div><dt>Nulls</dt><dd>those other images\u2019 peak positions, {} sets per image: they say what a map scores "
        "that knows the class but not the image; an image is <em>significant</em> if its permutation p over them is at "
        "most 0.05.</dd></div>\n"
        "<div><dt>sAUC</dt><dd>the probability that a pixel on a true peak is brighter in the map than a pixel on a "
        "null peak; chance is 0.5.</dd></div>\n"
        "<div><dt>Ceiling</dt><dd>what the true peaks themselves score after being brought to the stage\u2019s coarse "
        "grid and back; \u201cof ceiling\u201d is ln\u2009sLift over ln\u2009ceiling, undefined where the ceiling is "
        "below 1.5.</dd></div>\n"
        "<div><dt>Lift, AP, peak recall</dt><dd>the share of the map on peaks over the peaks\u2019 share of pixels; "
        "average precision over pixels; the share of peaks with one of the strongest {} of pixels within "
        "{}\u00a0px.</dd></div>\n</dl>\n",
        format_setting(number(explanation, "nulls_per_image")),
        format(number(explanation, "top_share"), NumberStyle::percent),
        format_setting(number(explanation, "radius_px")));
}

std::string coverage(const json& explanation) {
    std::int64_t zero_maps = 0;
    std::int64_t rows_with_zero = 0;
    for (const json& row : rows_of_kind(explanation, "attribution")) {
        zero_maps += count(row, "zero_maps");
        rows_with_zero += count(row, "zero_maps") > 0 ? 1 : 0;
    }
    const std::int64_t undefined = count(explanation, "undefined_images");
    return fmt::format(
        "<p>{} images of the {} split were explained. In {} of them localisation is undefined, because they have no "
        "visible peak or no null: they are counted here and enter no mean. Attribution maps without any positive part "
        "(zero maps): {}{}.</p>\n",
        format_count(count(explanation, "images")), escape(text(explanation, "split", "test")), format_count(undefined),
        format_count(zero_maps), zero_maps > 0 ? fmt::format(", in {} of the maps below", rows_with_zero) : "");
}

std::string picture(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::vector<std::uint8_t> png(bytes.begin(), bytes.end());
    return is_png(png) ? png_data_uri(png) : std::string();
}

std::string overlay_figure(const json& overlay, const std::filesystem::path& folder) {
    const std::string truth = text(overlay, "class");
    const std::string predicted = text(overlay, "predicted");
    const std::string verdict = truth == predicted ? "named correctly" : fmt::format("taken for {}", predicted);
    const std::string words = fmt::format("{} at {} on image {}, class {}, {}", map_name(text(overlay, "map")),
                                          text(overlay, "stage"), text(overlay, "image"), truth, verdict);
    const std::string file = text(overlay, "file");
    const std::string uri = picture(folder / file);
    const std::string image =
        uri.empty()
            ? fmt::format("<p class=\"absent\">The overlay {} is missing or is not a PNG file.</p>", escape(file))
            : fmt::format("<img src=\"{}\" alt=\"{}, with the true peaks circled\">", uri, escape(words));
    return fmt::format(
        "<figure>{}<figcaption><strong>{}</strong>, {}<span class=\"sub\">{} at {}, image {}, sLift "
        "{}</span></figcaption></figure>\n",
        image, escape(truth), escape(verdict), escape(map_name(text(overlay, "map"))), escape(text(overlay, "stage")),
        escape(text(overlay, "image")), format(number(overlay, "slift")));
}

std::string gallery(const ReportInput& input) {
    const json& overlays = member(*input.explanation, "overlays");
    if (overlays.empty()) return "<p class=\"absent\">The explanation holds no overlay pictures.</p>\n";
    std::string figures;
    for (std::size_t i = 0; i < std::min(overlays.size(), gallery_size); ++i) {
        figures += overlay_figure(overlays.at(i), input.explanation_dir);
    }
    const std::string rest = overlays.size() > gallery_size
                                 ? fmt::format(" The first {} of {} overlays are shown.", gallery_size, overlays.size())
                                 : std::string();
    return fmt::format(
        "<h3>Maps beside images</h3>\n<p>Left the image, right the map: dark is strong. Circles are the true visible "
        "peaks.{}</p>\n"
        "<div class=\"gallery\">\n{}</div>\n",
        rest, figures);
}

std::string stage_label(const json& row) {
    const std::string stage = text(row, "stage");
    const std::string name = capitalised(map_name(text(row, "map")));
    return stage.empty() || stage == "input" ? name : fmt::format("{}, {}", name, stage);
}

std::string stride_note(const json& row) {
    const auto stride = number(row, "stride_px");
    return stride ? *stride == 1.0 ? "every pixel" : fmt::format("stride {:g} px", *stride) : std::string();
}

std::string slift_chart(const json& explanation) {
    DotChart chart;
    chart.caption = "sLift of every map (logarithmic axis), with its 95\u202f% interval";
    chart.label_header = "Map";
    chart.value_header = "sLift";
    chart.reference = 1.0;
    chart.reference_label = "chance";
    double low = 1.0;
    double high = 1.0;
    for (const Kind& kind : kinds) {
        for (const json& row : rows_of_kind(explanation, kind.key)) {
            std::string note = stride_note(row);
            if (const ScoredMaps maps = scored_maps(row); maps.scored < maps.of) {
                note += fmt::format("{}{} of {} images", note.empty() ? "" : ", ", maps.scored, maps.of);
            }
            DotRow dot{stage_label(row),     std::move(note), std::string(kind.heading), std::string(kind.dot_style),
                       metric(row, "slift"), std::nullopt};
            if (kind.key == "attribution" || kind.key == "untrained") dot.ceiling = number(row, "oracle_slift");
            for (const auto& value : {dot.metric.value, dot.ceiling}) {
                if (value && *value > 0.01) low = std::min(low, *value);
                if (value && std::isfinite(*value)) high = std::max(high, *value);
            }
            if (dot.metric.ci95) {
                low = std::min(low, std::max((*dot.metric.ci95)[0], 0.1));
                high = std::max(high, (*dot.metric.ci95)[1]);
            }
            chart.rows.push_back(std::move(dot));
        }
    }
    chart.axis = logarithmic_axis(low, high);
    return "<h3>Which stage finds the peaks</h3>\n" + dot_chart(chart) +
           "<p class=\"note\">The upright tick on a row is the ceiling: what the true peaks themselves score on that "
           "stage\u2019s grid. A hollow dot lies outside the axis.</p>\n";
}

// The chance level of a column if it is the same in every row, to be said once in the header.
std::optional<double> shared_chance(const json& explanation, std::string_view key) {
    std::optional<double> shared;
    for (const json& row : member(explanation, "rows")) {
        const Metric shown = metric(row, key);
        if (!shown.value) continue;
        if (!shown.chance || (shared && std::abs(*shared - *shown.chance) > 1e-9)) return std::nullopt;
        shared = shown.chance;
    }
    return shared;
}

std::string score_header(const json& explanation, const Score& score) {
    const auto chance = shared_chance(explanation, score.key);
    return fmt::format("<th scope=\"col\" class=\"num\">{}<span class=\"sub\">{}</span></th>", score.heading,
                       chance ? fmt::format("chance {}", format(chance, score.style)) : "");
}

// Zero maps among the images with peaks, and below them among those without.
std::string zero_maps_cell(const json& row) {
    std::string cell = fmt::format("<td class=\"num\">{}", format_count(count(row, "zero_maps")));
    if (count(row, "images_without_peaks") > 0) {
        cell += fmt::format("<span class=\"sub\">{} of {} without peaks</span>",
                            format_count(count(row, "zero_maps_without_peaks")),
                            format_count(count(row, "images_without_peaks")));
    }
    return cell + "</td>";
}

std::string score_row(const json& explanation, const json& row, bool is_best) {
    std::string cells;
    for (const Score& score : scores) {
        cells += metric_cell(metric(row, score.key), score.style, !shared_chance(explanation, score.key));
    }
    return fmt::format(
        "<tr{}><th scope=\"row\">{}<span class=\"sub\">{}</span></th>{}<td class=\"num\">{}</td><td "
        "class=\"num\">{}</td>{}</tr>\n",
        is_best ? " class=\"best\"" : "", escape(stage_label(row)), stride_note(row), cells,
        format(number(row, "oracle_slift")), format_count(count(row, "images")), zero_maps_cell(row));
}

std::string score_table(const json& explanation) {
    std::string header;
    for (const Score& score : scores) header += score_header(explanation, score);
    const auto best = best_attribution(explanation);
    std::string bodies;
    for (const Kind& kind : kinds) {
        std::string rows;
        for (const json& row : rows_of_kind(explanation, kind.key))
            rows += score_row(explanation, row, best && row == *best);
        if (rows.empty()) continue;
        bodies +=
            fmt::format("<tbody><tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{}\">{}</th></tr>\n{}</tbody>\n",
                        scores.size() + 4, kind.heading, rows);
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Localisation scores\"><table "
        "class=\"scores\"><caption>Localisation scores</caption>\n"
        "<thead><tr><th scope=\"col\">Map</th>{}<th scope=\"col\" class=\"num\">ceiling<span "
        "class=\"sub\">sLift</span></th><th scope=\"col\" class=\"num\">images</th><th scope=\"col\" "
        "class=\"num\">zero maps</th></tr></thead>\n{}</table></div>\n",
        header, bodies);
}

// What a row scores on a part of the images: "by_class" or "by_prediction".
struct Part {
    std::string_view list;
    std::string name;
    bool operator==(const Part&) const = default;
};

std::vector<Part> parts(const json& explanation) {
    std::vector<Part> found;
    for (const std::string_view list : {"by_class", "by_prediction"}) {
        for (const json& row : member(explanation, "rows")) {
            for (const json& entry : member(row, list)) {
                const Part part{list, text(entry, "name")};
                if (std::find(found.begin(), found.end(), part) == found.end()) found.push_back(part);
            }
        }
    }
    return found;
}

std::string part_cell(const json& row, const Part& part) {
    Metric shown;
    for (const json& entry : member(row, part.list)) {
        if (text(entry, "name") == part.name) shown = metric(entry, "slift");
    }
    return metric_cell(shown, NumberStyle::plain, true);
}

std::string part_table(const json& explanation) {
    const std::vector<Part> columns = parts(explanation);
    if (columns.empty()) return "";
    std::string header;
    for (const Part& part : columns) {
        header += fmt::format("<th scope=\"col\" class=\"num\">{}<span class=\"sub\">{}</span></th>", escape(part.name),
                              part.list == "by_class" ? "true class" : "prediction");
    }
    std::string rows;
    for (const Kind& kind : kinds) {
        for (const json& row : rows_of_kind(explanation, kind.key)) {
            std::string cells;
            for (const Part& part : columns) cells += part_cell(row, part);
            rows += fmt::format("<tr><th scope=\"row\">{}<span class=\"sub\">{}</span></th>{}</tr>\n",
                                escape(stage_label(row)), kind.key, cells);
        }
    }
    return fmt::format(
        "<details><summary>sLift by class and by prediction</summary><div class=\"scroll\" tabindex=\"0\" "
        "role=\"region\" aria-label=\"sLift by class and by prediction\"><table><caption>sLift on parts of the images, "
        "with interval and chance</caption><thead><tr><th "
        "scope=\"col\">Map</th>{}</tr></thead><tbody>{}</tbody></table></div></details>\n",
        header, rows);
}

}  // namespace

std::string explanation_section(const ReportInput& input) {
    std::string section = "<section id=\"explained\">\n<h2>4. Does it look at the peaks</h2>\n";
    if (!input.explanation) return section + absent("The explanation is", "braggbench explain --json") + "</section>\n";
    const json& explanation = *input.explanation;
    section += coverage(explanation) + definitions(explanation);
    section += slift_chart(explanation) + gallery(input);
    section +=
        "<h3>All scores</h3>\n"
        "<p>sLift, lift and the share of the ceiling are medians over images, the other scores are means; below each "
        "stand its 95\u202f% interval and, where it differs between maps, its chance level. The best attribution map "
        "is marked: by ln\u2009sLift, where a map that says nothing counts as chance.</p>\n";
    section += score_table(explanation) + part_table(explanation);
    return section + "</section>\n";
}

}  // namespace braggbench::report
