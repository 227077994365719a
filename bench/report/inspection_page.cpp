#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bench/report/curve_chart.hpp"
#include "bench/report/inspection.hpp"
#include "bench/report/result_json.hpp"
#include "bench/report/sections.hpp"
#include "simulator/error.hpp"

namespace braggbench {

using nlohmann::json;
using namespace report;

namespace {

// Values that may be null, as points over x.
std::vector<std::pair<double, double>> points(const std::vector<double>& x, const json& values) {
    std::vector<std::pair<double, double>> result;
    for (std::size_t i = 0; i < x.size() && i < values.size(); ++i) {
        result.emplace_back(x[i], values[i].is_null() ? std::nan("") : values[i].get<double>());
    }
    return result;
}

std::string counts_row(const json& label) {
    const json& positive = member(label, "positive");
    const json& defined = member(label, "defined");
    std::int64_t all = 0;
    for (const json& count : defined) all += count.get<std::int64_t>();
    std::string cells;
    std::string words;
    if (positive.is_null()) {
        for (const json& count : defined) {
            cells += fmt::format("<td class=\"num\">{}</td>", format_count(count.get<std::int64_t>()));
        }
        if (const json& spread = member(label, "quantiles"); !spread.is_null()) {
            words = fmt::format("{}<span class=\"sub\">{} to {} {}</span>", format(number(spread, "median")),
                                format(number(spread, "p05")), format(number(spread, "p95")),
                                escape(text(label, "units") == "1" ? "" : text(label, "units")));
        }
    } else {
        for (std::size_t split = 0; split < positive.size(); ++split) {
            const auto n = positive[split].get<std::int64_t>();
            const auto of = defined[split].get<std::int64_t>();
            cells += fmt::format(
                "<td class=\"num\">{}<span class=\"sub\">{}</span></td>", format_count(n),
                of == 0 ? "n/a" : format(static_cast<double>(n) / static_cast<double>(of), NumberStyle::percent));
        }
        words = format(number(label, "prevalence"), NumberStyle::percent);
        if (const json& grades = member(label, "grades"); !grades.is_null()) {
            words +=
                fmt::format("<span class=\"sub\">hit; maybe {}, miss {}</span>",
                            format_count(grades[1].get<std::int64_t>()), format_count(grades[0].get<std::int64_t>()));
        }
    }
    return fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td>{}<td class=\"num total\">{}</td><td class=\"num\">{}</td></tr>\n",
        escape(text(label, "name")), escape(text(label, "kind")), cells, format_count(all), words);
}

std::string labels_section(const json& inspection) {
    std::string rows;
    for (const json& label : member(inspection, "labels")) rows += counts_row(label);
    return fmt::format(
        "<section id=\"labels\">\n<h2>Labels</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Labels\"><table><caption>How many images of each split have a label, and their share where it is "
        "defined; for numbers how many images have one</caption>\n<thead><tr><th scope=\"col\">Label</th><th "
        "scope=\"col\">kind</th><th scope=\"col\" class=\"num\">train</th><th scope=\"col\" "
        "class=\"num\">validation</th><th scope=\"col\" class=\"num\">test</th><th scope=\"col\" "
        "class=\"num\">defined</th><th scope=\"col\" class=\"num\">prevalence<span class=\"sub\">number: median, 5 to "
        "95\u202f%</span></th></tr></thead>\n<tbody>{}</tbody></table></div>\n",
        rows);
}

// One colour for what goes together, another for what excludes each other, both by strength.
std::string correlation_table(const json& inspection) {
    const json& correlations = member(inspection, "correlations");
    const json& names = member(correlations, "names");
    const json& matrix = member(correlations, "matrix");
    std::string header;
    for (const json& name : names) {
        header += fmt::format("<th scope=\"col\"><span>{}</span></th>", escape(name.get<std::string>()));
    }
    std::string rows;
    for (std::size_t row = 0; row < names.size(); ++row) {
        std::string cells;
        for (const json& cell : matrix[row]) {
            if (cell.is_null()) {
                cells += "<td class=\"none\">\u2013</td>";
                continue;
            }
            const auto value = cell.get<double>();
            const std::string digits = fmt::format("{:.2f}", std::abs(value));
            cells += fmt::format("<td class=\"{}\" style=\"--share:{:.3f}\">{}{}</td>", value < 0 ? "against" : "with",
                                 std::abs(value), value < 0 && digits != "0.00" ? "\u2212" : "", digits);
        }
        rows += fmt::format("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(names[row].get<std::string>()), cells);
    }
    return fmt::format(
        "<h3>Correlations</h3>\n<p class=\"note\">Pearson\u2019s, of all labels; a dash where one of the two is the "
        "same "
        "in every image.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Correlations of the "
        "labels\"><table class=\"matrix\">\n<thead><tr><td></td>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n"
        "</section>\n",
        header, rows);
}

// The groups of one kind, a chart for all classes and one for the two sides of each attribute.
std::string charts(const json& groups, const char* key, const std::vector<double>& x, const CurveChart& like,
                   std::string_view what) {
    CurveChart of_classes = like;
    of_classes.title = fmt::format("{}, by class", what);
    of_classes.description = of_classes.title;
    std::vector<CurveChart> of_attributes;
    for (const json& group : groups) {
        if (count(group, "images") == 0) continue;
        NamedCurve curve{text(group, "name"), points(x, member(group, key))};
        if (text(group, "of") == "class") {
            of_classes.curves.push_back(std::move(curve));
            continue;
        }
        const bool with = member(group, "side").get<bool>();
        const std::string title = fmt::format("{}, {}", what, curve.name);
        if (of_attributes.empty() || of_attributes.back().title != title) {
            of_attributes.push_back(like);
            of_attributes.back().title = title;
            of_attributes.back().description = title;
        }
        curve.name = fmt::format("{} ({})", with ? "with" : "without", format_count(count(group, "images")));
        of_attributes.back().curves.push_back(std::move(curve));
    }
    std::string html = "<div class=\"columns\">\n" + curve_chart(of_classes);
    for (const CurveChart& chart : of_attributes) html += curve_chart(chart);
    return html + "</div>\n";
}

std::string intensities_section(const json& inspection) {
    const json& histograms = member(inspection, "histograms");
    const auto edges = member(histograms, "edges_adu").get<std::vector<double>>();
    std::vector<double> middles;
    // 1 more, so that a value of 0 has its place on a logarithmic axis.
    for (std::size_t b = 0; b + 1 < edges.size(); ++b) middles.push_back(0.5 * (edges[b] + edges[b + 1] - 1.0) + 1.0);
    CurveChart chart;
    chart.x_label = "value in ADU, plus 1";
    chart.y_label = "share of the pixels per ADU";
    chart.x_scale = Scale::logarithmic;
    chart.y_scale = Scale::logarithmic;
    return "<section id=\"intensities\">\n<h2>Intensities</h2>\n<p>Histograms of all valid pixels, values as the file "
           "stores them.</p>\n" +
           charts(member(histograms, "groups"), "share_per_adu", middles, chart, "Pixel values") + "</section>\n";
}

std::string profiles_section(const json& inspection) {
    const json& profiles = member(inspection, "radial_profiles");
    CurveChart chart;
    chart.x_label = "s = 1/d in 1/\u00c5, and d";
    chart.y_label = "photons per pixel, mean";
    chart.y_scale = Scale::logarithmic;
    chart.resolution = true;
    return "<section id=\"profiles\">\n<h2>Radial profiles</h2>\n<p>Mean over all valid pixels at one resolution, "
           "about "
           "each image\u2019s own beam centre, offset and gain taken out. Where a mean is not above 0 the logarithmic "
           "axis shows nothing.</p>\n" +
           charts(member(profiles, "groups"), "photons_per_px", member(profiles, "s_invA").get<std::vector<double>>(),
                  chart, "Radial profile") +
           "</section>\n";
}

constexpr std::array<const char*, 9> shown_numbers = {"mean_adu",     "median_adu",    "sigma_adu",
                                                      "corners_adu",  "max_adu",       "saturated_px",
                                                      "stored_bytes", "visible_peaks", "median_snr"};

// "max<br>adu" of "max_adu".
std::string words_of(std::string name) {
    const std::size_t gap = name.find('_');
    return name.replace(gap, 1, "<br>");
}

std::string spread_cell(const json& spread) {
    if (spread.is_null()) return "<td class=\"num\">n/a</td>";
    return fmt::format("<td class=\"num\">{}<span class=\"sub\">{} to {}</span></td>",
                       format_setting(number(spread, "median")), format_setting(number(spread, "p05")),
                       format_setting(number(spread, "p95")));
}

std::string peaks_section(const json& inspection) {
    const json& peaks = member(inspection, "peaks");
    const auto edges = member(peaks, "snr_edges").get<std::vector<double>>();
    std::vector<double> middles;
    for (const double edge : edges) middles.push_back(edge * std::pow(2.0, 0.25));  // bins of half an octave
    CurveChart chart;
    chart.x_label = "signal-to-noise ratio of a visible peak";
    chart.y_label = "peaks per image";
    chart.x_scale = Scale::logarithmic;
    chart.y_scale = Scale::logarithmic;
    json per_image = json::array();
    for (json group : member(peaks, "groups")) {
        const auto images = static_cast<double>(std::max<std::int64_t>(count(group, "images"), 1));
        for (json& n : group["peaks"]) n = n.get<double>() / images;
        per_image.push_back(std::move(group));
    }
    std::string header;
    for (const char* name : shown_numbers) {
        header += fmt::format("<th scope=\"col\" class=\"num\">{}</th>", words_of(name));
    }
    std::string rows;
    for (const json& row : member(inspection, "image_numbers")) {
        std::string cells;
        for (const char* name : shown_numbers) {
            cells += spread_cell(member(row, name));
        }
        rows += fmt::format("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(text(row, "class")), cells);
    }
    return fmt::format(
        "<section id=\"peaks\">\n<h2>Peaks and image numbers</h2>\n<p>Visible peaks of the truth (protein and ice) by "
        "their signal-to-noise ratio, per image, in bins of half an octave from {} on.</p>\n{}<div class=\"scroll\" "
        "tabindex=\"0\" role=\"region\" aria-label=\"Numbers of the images\"><table class=\"scores\"><caption>Numbers "
        "of the images of each class: median, 5 to 95\u202f%</caption>\n<thead><tr><th "
        "scope=\"col\">Class</th>{}</tr></thead>\n<tbody>{}</tbody></table></div>\n</section>\n",
        format_setting(edges.empty() ? 0.0 : edges.front()),
        charts(per_image, "peaks", middles, chart, "Visible peaks"), header, rows);
}

std::string examples_section(const std::vector<ExampleImage>& examples) {
    std::string html =
        "<section id=\"examples\">\n<h2>Examples</h2>\n<p>Dark is bright, on a square-root scale of each image\u2019s "
        "own. In the right half a circle marks every visible peak of the truth; the left half is as it was "
        "made.</p>\n";
    std::string open;
    for (const ExampleImage& example : examples) {
        if (example.class_name != open) {
            if (!open.empty()) html += "</div>\n";
            html += fmt::format("<h3>{}</h3>\n<div class=\"gallery\">\n", escape(example.class_name));
            open = example.class_name;
        }
        html += fmt::format("<figure><img src=\"{}\" alt=\"{}\"><figcaption>{}</figcaption></figure>\n",
                            png_data_uri(example.png), escape(example.caption), escape(example.caption));
    }
    return html + (open.empty() ? "" : "</div>\n") + "</section>\n";
}

std::string intro(const json& inspection) {
    const json& geometry = member(inspection, "geometry");
    return fmt::format(
        "<p class=\"verdict\">{} images of {} \u00d7 {} px, recipe <strong>{}</strong>, seed {}: {}.</p>\n",
        format_count(count(inspection, "images")), count(geometry, "width_px"), count(geometry, "height_px"),
        escape(text(inspection, "name", "unnamed")), escape(member(inspection, "seed").dump()),
        escape(text(inspection, "description", "no description")));
}

}  // namespace

std::string inspection_html(const std::optional<json>& inspection, const std::vector<ExampleImage>& examples,
                            const std::optional<json>& audit) {
    try {
        std::string name = "audit";
        if (inspection) name = text(*inspection, "name", "corpus");
        std::string page = page_head(fmt::format("BraggBench inspection: {}", name));
        page += fmt::format("<body>\n<header>\n<p class=\"kicker\">BraggBench inspection</p>\n<h1>{}</h1>\n{}",
                            escape(name), inspection ? intro(*inspection) : "");
        page += "<nav aria-label=\"Contents\">";
        if (audit) page += "<a href=\"#audit\">Shortcuts</a> ";
        if (inspection) {
            page +=
                "<a href=\"#labels\">Labels</a> <a href=\"#intensities\">Intensities</a> <a href=\"#profiles\">Radial "
                "profiles</a> <a href=\"#peaks\">Peaks</a> <a href=\"#examples\">Examples</a>";
        }
        page += "</nav>\n</header>\n<main>\n";
        if (audit) page += audit_section(*audit);
        if (inspection) {
            page += labels_section(*inspection) + correlation_table(*inspection) + intensities_section(*inspection) +
                    profiles_section(*inspection) + peaks_section(*inspection) + examples_section(examples);
        }
        return page + "</main>\n</body>\n</html>\n";
    } catch (const json::exception& error) {
        throw DataError(fmt::format(
            "An inspection cannot be put into a page ({}). Compare it with docs/inspect.md, or make it again with this "
            "version.",
            error.what()));
    }
}

}  // namespace braggbench
