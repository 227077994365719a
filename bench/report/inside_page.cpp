#include "bench/report/inside_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "bench/report/curve_chart.hpp"
#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "datasets/file_bytes.hpp"
#include "simulator/error.hpp"

namespace braggbench {

using nlohmann::json;
using namespace report;

namespace {

std::string picture(const std::filesystem::path& directory, const json& of, std::string_view style,
                    const std::string& caption) {
    const std::filesystem::path path = directory / text(of, "file");
    const std::string content = read_file_bytes(path);
    const std::vector<std::uint8_t> bytes(content.begin(), content.end());
    if (!is_png(bytes)) {
        throw DataError(
            fmt::format("{} is not a PNG file (the page shows it). Make it again with look-inside.", path.string()));
    }
    return fmt::format("<figure class=\"{}\"><img src=\"{}\" alt=\"{}\"><figcaption>{}</figcaption></figure>\n", style,
                       png_data_uri(bytes), escape(caption), escape(caption));
}

std::string table(std::string_view label, std::string_view caption, const std::vector<std::string>& header,
                  const std::string& rows) {
    std::string head;
    for (std::size_t i = 0; i < header.size(); ++i) {
        head += fmt::format("<th scope=\"col\"{}>{}</th>", i == 0 ? "" : " class=\"num\"", header[i]);
    }
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table class=\"scores\"><caption>{}"
        "</caption>\n<thead><tr>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n",
        label, caption, head, rows);
}

std::string count_cell(const json& value) {
    if (value.is_null()) return "<td class=\"num\">n/a</td>";
    return fmt::format(
        "<td class=\"num\">{}</td>",
        format_count(value.is_array() ? static_cast<std::int64_t>(value.size()) : value.get<std::int64_t>()));
}

std::string filters_section(const json& result, const std::filesystem::path& directory) {
    std::string html =
        "<section id=\"filters\">\n<h2>Filters</h2>\n<p>Red is positive, blue negative, white 0; the strongest colour "
        "is "
        "the scale written below. Filters of one input are numbered, with their largest magnitude; of the others a row "
        "is a filter, a column the input channel that it looks at.</p>\n<div class=\"gallery\">\n";
    for (const json& layer : member(result, "filters")) {
        std::string caption = fmt::format("{}: {} filters of {} \u00d7 {} \u00d7 {}, \u00b1{}", text(layer, "layer"),
                                          count(layer, "outputs"), count(layer, "inputs"), count(layer, "height"),
                                          count(layer, "width"), format_setting(number(layer, "scale")));
        if (count(layer, "outputs_shown") < count(layer, "outputs") ||
            count(layer, "inputs_shown") < count(layer, "inputs")) {
            caption += fmt::format("; the first {} \u00d7 {} are shown", count(layer, "outputs_shown"),
                                   count(layer, "inputs_shown"));
        }
        html += picture(directory, layer, "plain", caption);
    }
    return html + "</div>\n</section>\n";
}

std::string maps_section(const json& result, const std::filesystem::path& directory) {
    std::string html =
        "<section id=\"maps\">\n<h2>Feature maps</h2>\n<p>Each map on its own scale, white lowest and black highest, "
        "both "
        "written below it. What is empty (no unit above \u03b5) is crossed out. \u201cinput\u201d is what the first "
        "convolution sees: the image after all that is built in.</p>\n";
    for (const json& image : member(result, "drawn")) {
        html += fmt::format("<h3>Image {}: {}</h3>\n", count(image, "image"), escape(text(image, "labels")));
        for (const json& stage : member(image, "stages")) {
            html += picture(directory, stage, "natural",
                            fmt::format("{}: {} of {} maps; of all {} are empty for this image", text(stage, "stage"),
                                        count(stage, "shown"), count(stage, "maps"), count(stage, "empty")));
        }
    }
    return html + "</section>\n";
}

const json& stage_named(const json& network, const std::string& name) {
    static const json none;
    if (network.is_null()) return none;
    for (const json& stage : member(network, "stages")) {
        if (text(stage, "stage") == name) return stage;
    }
    return none;
}

std::string counts_table(const json& census) {
    std::string rows;
    const json& trained = member(census, "trained");
    for (const json& stage : member(trained, "stages")) {
        const json& untrained = stage_named(member(census, "untrained"), text(stage, "stage"));
        rows += fmt::format("<tr><th scope=\"row\">{}</th>{}", escape(text(stage, "stage")),
                            count_cell(member(stage, "maps")));
        for (const char* kind : {"dead", "constant", "blind", "non_finite"}) rows += count_cell(member(stage, kind));
        rows += fmt::format("<td class=\"num\">{}</td>{}{}</tr>\n", format(number(stage, "rms")),
                            count_cell(untrained.is_null() ? json() : member(untrained, "dead")),
                            count_cell(untrained.is_null() ? json() : member(untrained, "blind")));
    }
    return table("Maps that do nothing", "Maps that do nothing, over all counted images",
                 {"Stage", "maps", "dead", "constant", "same for<br>every image", "not finite", "rms",
                  "random weights:<br>dead", "same for<br>every image"},
                 rows);
}

std::string layers_table(const json& census) {
    std::string rows;
    for (const json& layer : member(member(census, "trained"), "layers")) {
        const json& causes = member(layer, "dead_by");
        rows += fmt::format("<tr><th scope=\"row\">{}</th>{}{}{}{}", escape(text(layer, "name")),
                            count_cell(member(layer, "inputs")), count_cell(member(layer, "dead_inputs")),
                            count_cell(member(layer, "maps")), count_cell(member(layer, "dead")));
        for (const char* cause : {"input", "weights", "data"}) {
            rows += count_cell(causes.is_null() ? json() : member(causes, cause));
        }
        rows += "</tr>\n";
    }
    return table("Why maps are dead", "Layer by layer, and why maps are dead",
                 {"Layer", "inputs", "of them<br>dead", "maps", "dead", "input<br>is dead", "weights<br>cannot fire",
                  "no image<br>made it"},
                 rows);
}

std::string empty_table(const json& census) {
    const json& stages = member(member(census, "trained"), "stages");
    if (stages.empty()) return "";
    std::vector<std::string> header = {"Images"};
    for (const json& stage : stages) header.push_back(escape(text(stage, "stage")));
    std::string rows;
    const json& groups = member(stages.front(), "groups");
    for (std::size_t g = 0; g < groups.size(); ++g) {
        rows += fmt::format("<tr><th scope=\"row\">{}<span class=\"sub\">{} images</span></th>",
                            escape(text(groups[g], "name")), format_count(count(groups[g], "images")));
        for (const json& stage : stages) {
            rows += metric_cell(metric(member(stage, "groups")[g], "empty_maps"), NumberStyle::percent, false);
        }
        rows += "</tr>\n";
    }
    return table("Empty maps of an image", "Share of the maps that are empty for an image, mean", header, rows);
}

std::string histograms(const json& census) {
    const auto edges = member(census, "bin_edges").get<std::vector<double>>();
    std::string html = "<div class=\"columns\">\n";
    for (const json& stage : member(member(census, "trained"), "stages")) {
        CurveChart chart;
        chart.title = fmt::format("{}: magnitude of its units", text(stage, "stage"));
        chart.description = chart.title;
        chart.x_label = "magnitude, two bins to an octave";
        chart.y_label = "share of all units";
        chart.x_scale = Scale::logarithmic;
        chart.y_scale = Scale::logarithmic;
        for (const json& group : member(stage, "groups")) {
            const auto shares = member(group, "shares").get<std::vector<double>>();
            NamedCurve curve{text(group, "name"), {}};
            for (std::size_t b = 0; b < shares.size(); ++b) {
                if (shares[b] > 0.0) curve.points.emplace_back(std::sqrt(edges[b] * edges[b + 1]), shares[b]);
            }
            chart.curves.push_back(std::move(curve));
        }
        html += curve_chart(chart);
    }
    return html + "</div>\n";
}

std::string census_section(const json& result) {
    const json& census = member(result, "census");
    const auto images = count(census, "images");
    std::string html = fmt::format(
        "<section id=\"census\">\n<h2>Dead maps</h2>\n<p>Counted over {} of the corpus\u2019 {} images. <em>Dead</em>: "
        "no "
        "unit is above \u03b5 = {} for any of them. <em>Constant</em>: one value everywhere. <em>Same for every "
        "image</em>: it varies over its units but not with the image.",
        format_count(images), format_count(count(census, "images_in_corpus")),
        format_setting(number(census, "epsilon")));
    const json& stages = member(member(census, "trained"), "stages");
    if (!stages.empty()) {
        html += fmt::format(" A map that was dead for all of them may still fire for up to {} of other images (95{}).",
                            format(number(stages.front(), "dead_at_most"), NumberStyle::percent), "\u202f%");
    }
    html += "</p>\n";
    if (images < 1000) {
        html += "<p class=\"absent\">Fewer than 1000 images were counted: rare maps may be taken for dead.</p>\n";
    }
    return html + counts_table(census) + layers_table(census) + empty_table(census) + histograms(census) +
           "</section>\n";
}

std::string inversion_section(const json& result, const std::filesystem::path& directory) {
    const json& inversion = member(result, "inversion");
    std::string rows;
    for (const json& row : member(inversion, "rows")) {
        const json& faults = member(row, "faults");
        std::string name = fmt::format("{}, {}", text(row, "network"), text(row, "stage"));
        for (const json& fault : faults) name += ", " + fault.get<std::string>();
        rows += fmt::format(
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td>{}{}{}{}<td "
            "class=\"num\">{}</td>{}</tr>\n",
            escape(name), format_setting(number(row, "tv_weight")),
            metric_cell(metric(row, "feature_error"), NumberStyle::plain, false),
            metric_cell(metric(row, "noise_error"), NumberStyle::plain, false),
            metric_cell(metric(row, "correlation"), NumberStyle::plain, false),
            metric_cell(metric(row, "spot_recall"), NumberStyle::percent, true), format(number(row, "spot_recall_p")),
            metric_cell(metric(row, "true_spot_recall"), NumberStyle::percent, false));
    }
    std::string html = fmt::format(
        "<section id=\"inversion\">\n<h2>What can be made again from a stage</h2>\n<p>{} steps from each of {} starts; "
        "total variation to the power {} weighed as stated. Spot recall: share of the visible peaks with one of as "
        "many "
        "strongest spots of the picture within {} px; chance by the peaks of {} other images.</p>\n",
        count(inversion, "steps"), count(inversion, "starts"), format_setting(number(inversion, "tv_beta")),
        format_setting(number(inversion, "radius_px")), count(inversion, "nulls_per_image"));
    html += table("Inversions", "Means over images and starts",
                  {"Network, stage", "TV weight", "feature error", "of the noise", "correlation<br>of roots",
                   "spot recall", "p", "recall of the<br>image itself"},
                  rows);
    for (const json& shown : member(inversion, "pictures")) {
        html +=
            picture(directory, shown, "natural",
                    fmt::format("Image {} ({}), {} network: the image, then by stage and TV weight, with feature error",
                                count(shown, "image"), text(shown, "labels"), text(shown, "network")));
    }
    return html + "</section>\n";
}

}  // namespace

std::string inside_html(const json& result, const std::filesystem::path& directory) {
    try {
        const std::string name = text(result, "model", "network");
        std::string page = page_head(fmt::format("BraggBench, inside {}", name));
        page += fmt::format(
            "<body>\n<header>\n<p class=\"kicker\">BraggBench look-inside</p>\n<h1>{}</h1>\n<p class=\"verdict\">{}, "
            "{} "
            "parameters, view {}.</p>\n",
            escape(name), escape(text(result, "network")), format_count(count(result, "parameters")),
            escape(text(result, "view")));
        const bool with_corpus = !member(result, "census").is_null();
        const bool with_inversion = !member(result, "inversion").is_null();
        page += "<nav aria-label=\"Contents\">";
        if (with_corpus) page += "<a href=\"#census\">Dead maps</a> <a href=\"#maps\">Feature maps</a> ";
        if (with_inversion) page += "<a href=\"#inversion\">Inversion</a> ";
        page += "<a href=\"#filters\">Filters</a></nav>\n</header>\n<main>\n";
        if (with_corpus) page += census_section(result) + maps_section(result, directory);
        if (with_inversion) page += inversion_section(result, directory);
        page += filters_section(result, directory);
        return page + "</main>\n</body>\n</html>\n";
    } catch (const json::exception& error) {
        throw DataError(
            fmt::format("The inside of a network cannot be put into a page ({}). Make it again with this "
                        "version of look-inside.",
                        error.what()));
    }
}

}  // namespace braggbench
