#include "bench/report/evaluation_charts.hpp"

#include <fmt/format.h>

#include "bench/report/curve_chart.hpp"
#include "bench/report/html.hpp"
#include "bench/report/result_json.hpp"

namespace braggbench::report {

using nlohmann::json;

namespace {

constexpr NumberStyle percent = NumberStyle::percent;

CurveChart shares_chart(std::string title, std::string x_label, std::string y_label) {
    CurveChart chart;
    chart.title = std::move(title);
    chart.x_label = std::move(x_label);
    chart.y_label = std::move(y_label);
    chart.y_axis = linear_axis(0.0, 1.0);
    return chart;
}

NamedCurve diagonal(std::string name) { return {std::move(name), {{0.0, 0.0}, {1.0, 1.0}}}; }

// "ice.thickness_um" -> "ice thickness", its units apart; "background_photons_per_px" -> "background photons per px".
std::string quantity_words(std::string quantity, const std::string& units) {
    for (const std::string_view ending : {"_um3", "_um", "_deg", "_px", "_photons_per_m2"}) {
        if (quantity.ends_with(ending) && !quantity.ends_with("_per_px")) {
            quantity.resize(quantity.size() - ending.size());
            break;
        }
    }
    for (char& c : quantity) {
        if (c == '_' || c == '.') c = ' ';
    }
    return units.empty() || units == "1" || units == "counts" ? quantity : fmt::format("{} ({})", quantity, units);
}

std::string threshold_words(const json& entry) {
    const Metric threshold = metric(member(entry, "curve"), "threshold");
    if (!threshold.value) return "no threshold within what was drawn";
    std::string words = fmt::format("half way at {:.3g}", *threshold.value);
    if (threshold.ci95) words += fmt::format(" ({:.3g} to {:.3g})", (*threshold.ci95)[0], (*threshold.ci95)[1]);
    return words;
}

std::string strength_chart(const json& entry) {
    const bool detected = text(entry, "measure") == "detected";
    const std::string quantity = quantity_words(text(entry, "quantity"), text(entry, "units"));
    CurveChart chart = shares_chart(
        fmt::format("{} against {}: {}", text(entry, "output", "right class"), quantity, threshold_words(entry)),
        quantity, detected ? "share detected" : "share right");
    chart.description = fmt::format("{} of {} images {} as a function of {}; {}",
                                    detected ? "Share" : "Share of answers", count(entry, "images"),
                                    detected ? "said to be so" : "that are right", quantity, threshold_words(entry));
    chart.x_scale = Scale::logarithmic;
    NamedCurve measured{detected ? "detected" : "right", {}, true, {}};
    for (const json& bin : member(member(entry, "curve"), "bins")) {
        const auto at = number(bin, "mean_strength");
        const Metric share = metric(bin, "accuracy");
        if (!at || !share.value) continue;
        measured.points.emplace_back(*at, *share.value);
        measured.intervals.push_back(share.ci95);
    }
    NamedCurve fitted{"fit", {}};
    for (const json& point : member(entry, "line")) {
        fitted.points.emplace_back(point.at(0).get<double>(), point.at(1).get<double>());
    }
    chart.curves = {measured, fitted};
    if (detected) chart.reference = number(entry, "floor");
    chart.reference_label = "false alarms";
    return curve_chart(chart);
}

}  // namespace

std::string reliability_chart(const json& calibration, const std::string& of_what) {
    NamedCurve measured{"images", {}, true, {}};
    for (const json& bin : member(calibration, "bins")) {
        const auto confidence = number(bin, "mean_confidence");
        const Metric share = metric(bin, "accuracy");
        if (!confidence || !share.value) continue;
        measured.points.emplace_back(*confidence, *share.value);
        measured.intervals.push_back(share.ci95);
    }
    if (measured.points.empty()) return "";
    const Metric error = metric(calibration, "expected_calibration_error");
    CurveChart chart = shares_chart(fmt::format("{}: do probabilities mean what they say? Off by {} on average",
                                                of_what, format(error.value, percent)),
                                    "probability given", "share that it is true of");
    chart.description = fmt::format("{}: expected calibration error {}, {} by a perfectly calibrated model", of_what,
                                    format(error.value, percent), format(error.chance, percent));
    chart.curves = {measured, diagonal("as they should")};
    return curve_chart(chart);
}

std::string roc_chart(const json& hit) {
    NamedCurve roc{"network", {}};
    for (const json& point : member(hit, "roc")) {
        roc.points.emplace_back(number(point, "false_positive_rate").value_or(0.0),
                                number(point, "true_positive_rate").value_or(0.0));
    }
    if (roc.points.empty()) return "";
    CurveChart chart =
        shares_chart(fmt::format("Hits: area under the ROC curve {}", format(metric(hit, "roc_auc").value)),
                     "share of misses called hits", "share of hits found");
    chart.description = chart.title;
    chart.curves = {roc, diagonal("chance")};
    return curve_chart(chart);
}

std::string strength_charts(const json& curves) {
    std::string charts;
    for (const json& entry : curves) charts += strength_chart(entry);
    if (charts.empty()) return "";
    return "<h3>Against the strength of what is to be seen</h3>\n<p class=\"note\">Of the images of which it is true, "
           "the "
           "share that is said to be so; what is said of others is the floor. Bars are 95\u202f% intervals.</p>\n<div "
           "class=\"columns\">\n" +
           charts + "</div>\n";
}

}  // namespace braggbench::report
