#include "bench/report/report.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include "bench/report/curve_chart.hpp"
#include "bench/report/html.hpp"
#include "bench/report/svg_charts.hpp"
#include "simulator/error.hpp"
#include "tests/bench/html_checker.hpp"

namespace braggbench {
namespace {

using nlohmann::json;
using test::HtmlChecker;

const std::filesystem::path data = std::filesystem::path(TEST_DATA_DIR) / "report";

std::vector<std::uint8_t> bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return {text.begin(), text.end()};
}

json read(const std::string& name) {
    std::ifstream file(data / (name + ".json"));
    return json::parse(file);
}

ReportInput full_input() {
    ReportInput input;
    input.corpus = "demo/corpus.h5";
    input.corpus_summary = read("corpus_summary");
    input.contact_sheet_png = bytes_of(data / "overlays" / "17-stage2-hires_cam.png");
    input.training = read("training");
    input.evaluation = read("evaluation");
    input.explanation = read("explanation");
    input.explanation_dir = data;
    input.commands = {"braggbench generate diffranet-small -o demo/corpus.h5", "braggbench train demo/corpus.h5"};
    return input;
}

bool contains(const std::string& page, std::string_view words) { return page.find(words) != std::string::npos; }

// The text between two markers, so that a claim about one section cannot be met by another.
std::string section(const std::string& page, const std::string& id) {
    const auto begin = page.find("<section id=\"" + id + "\"");
    if (begin == std::string::npos) return "";
    return page.substr(begin, page.find("</section>", begin) - begin);
}

TEST(Report, HoldsEverySectionAndIsWellFormed) {
    const std::string page = report_html(full_input());
    const HtmlChecker checker(page);
    EXPECT_EQ(checker.problem(), "");
    for (const std::string id : {"simulated", "learned", "measured", "explained", "repeat"}) {
        EXPECT_NE(section(page, id), "") << id;
    }
    EXPECT_EQ(checker.count("section"), 5);
    EXPECT_EQ(checker.count("h1"), 1);
    EXPECT_FALSE(contains(section(page, "simulated"), "class=\"absent\""));
    EXPECT_FALSE(contains(section(page, "learned"), "class=\"absent\""));
    EXPECT_FALSE(contains(section(page, "measured"), "class=\"absent\""));
}

TEST(Report, LargeDrawnNumbersAreReadable) {
    auto input = full_input();
    input.corpus_summary["ranges"]["beam.fluence_photons_per_m2"] = {0.0, 2e22};
    const std::string simulated = section(report_html(input), "simulated");
    EXPECT_TRUE(contains(simulated, "0.000 to 2.00\u202f\u00d7\u202f10<sup>22</sup>")) << simulated;
}

TEST(Report, WhatWasDrawnAndWhatWasNotStandApart) {
    auto input = full_input();
    input.corpus_summary["ranges"] = {{"background.water_um", {2.0, 30.0}}, {"beam.divergence_rms_mrad", {0.1, 0.1}}};
    const std::string simulated = section(report_html(input), "simulated");
    const auto drawn = simulated.find("Drawn for each image");
    const auto constant = simulated.find("The same in every image");
    EXPECT_LT(drawn, simulated.find("background.water_um"));
    EXPECT_LT(simulated.find("background.water_um"), constant);
    EXPECT_LT(constant, simulated.find("beam.divergence_rms_mrad"));
}

TEST(Report, PerPixelIsAPartOfAQuantitysName) {
    auto input = full_input();
    auto& curve = (*input.evaluation)["tasks"][0]["curves"][0];
    curve["quantity"] = "background_photons_per_px";
    curve["units"] = "counts";
    EXPECT_TRUE(contains(report_html(input), ">background photons per px<"));
    curve["quantity"] = "ice.thickness_um";
    curve["units"] = "um";
    EXPECT_TRUE(contains(report_html(input), ">ice thickness (um)<"));
}

// A map that is zero on every peak is defined, however badly it finds them.
TEST(Report, AMapThatAvoidsEveryPeakIsAScore) {
    ReportInput input = full_input();
    for (auto& row : (*input.explanation)["rows"]) {
        if (row["kind"] == "attribution") row["slift"]["value"] = 0.0;
    }
    EXPECT_FALSE(contains(report_html(input), "No attribution map has a defined localisation score"));
}

TEST(Report, FetchesNothing) {
    const std::string page = report_html(full_input());
    EXPECT_TRUE(contains(page, "default-src 'none'"));
    EXPECT_FALSE(contains(page, "://"));
    EXPECT_FALSE(contains(page, "@import"));
    EXPECT_FALSE(contains(page, "url("));
    const HtmlChecker checker(page);
    EXPECT_EQ(checker.count("script"), 0);
    EXPECT_EQ(checker.count("link"), 0);
    for (const std::string& attribute : checker.attributes()) {
        const bool local = attribute.starts_with("src=data:image/png;base64,") || attribute.starts_with("href=#");
        EXPECT_TRUE(local || !(attribute.starts_with("src=") || attribute.starts_with("href="))) << attribute;
    }
}

TEST(Report, EveryPictureHasAnAlternative) {
    const std::string page = report_html(full_input());
    const HtmlChecker checker(page);
    long alternatives = 0;
    for (const std::string& attribute : checker.attributes()) alternatives += attribute.starts_with("alt=") ? 1 : 0;
    EXPECT_EQ(checker.count("img"), 3);  // the contact sheet and two overlays; the third file is missing
    EXPECT_EQ(alternatives, checker.count("img"));
}

TEST(Report, VerdictPutsAccuracyBesideTheBestBaselineAndSaliencyBesideItsCeiling) {
    const std::string page = report_html(full_input());
    const std::string verdict = page.substr(page.find("class=\"verdict\""), 1800);
    EXPECT_TRUE(contains(verdict, "<strong>96.8\u202f%</strong>"));
    EXPECT_TRUE(contains(verdict, "93.8 to 98.4"));
    EXPECT_TRUE(contains(verdict, "spot count"));
    EXPECT_TRUE(contains(verdict, "<strong>82.4\u202f%</strong>"));
    EXPECT_TRUE(contains(verdict, "the network is beyond it"));
    EXPECT_TRUE(contains(verdict, "HiResCAM at stage2"));
    EXPECT_TRUE(contains(verdict, "<strong>7.94 times</strong>"));
    EXPECT_TRUE(contains(verdict, "it localises"));
    EXPECT_TRUE(contains(verdict, "reach 12.1"));
    EXPECT_TRUE(contains(verdict, "untrained network reaches 2.53"));
    EXPECT_TRUE(contains(verdict, "intensity, reaches 5.10"));
}

TEST(Report, VerdictDoesNotFlatter) {
    ReportInput input = full_input();
    json& task = (*input.evaluation)["tasks"][0];
    task["chance_levels"]["spot_count"]["accuracy"] = {{"value", 0.95}, {"ci95", {0.92, 0.97}}, {"chance", 0.264}};
    for (json& row : (*input.explanation)["rows"]) {
        if (row["kind"] == "attribution") row["slift"] = {{"value", 1.02}, {"ci95", {0.9, 1.2}}, {"chance", 1.0}};
    }
    const std::string page = report_html(input);
    EXPECT_TRUE(contains(page, "no advantage over it is shown"));
    EXPECT_TRUE(contains(page, "it is not distinguishable from chance"));
    EXPECT_TRUE(contains(page, "more than any of the network"));
    EXPECT_FALSE(contains(page, "the network is beyond it"));
    task["chance_levels"]["spot_count"]["accuracy"]["value"] = 0.99;
    EXPECT_TRUE(contains(report_html(input), "the network is worse than that"));
}

TEST(Report, LabelsAndNumbersStandBesideTheirChance) {
    const std::string page = report_html(full_input());
    const std::string verdict = page.substr(page.find("class=\"verdict\""), 2600);
    EXPECT_TRUE(contains(verdict, "by balanced accuracy: ice (93.0\u202f% against 81.0\u202f%)."));
    EXPECT_TRUE(contains(verdict, "No advantage is shown for multilattice (55.0\u202f% against 54.0\u202f%)"));
    EXPECT_TRUE(contains(verdict, "mosaic1 is off by 0.071 deg on average, 0.124 by always saying"));
    const std::string measured = section(page, "measured");
    EXPECT_TRUE(contains(measured, "hit against visible peaks: half way at 3.05 (2.1 to 4.2)"));
    EXPECT_TRUE(contains(measured, "Hits: area under the ROC curve 0.999"));
    EXPECT_TRUE(contains(measured, "ice: do probabilities mean what they say? Off by 3.0\u202f% on average"));
    EXPECT_TRUE(contains(measured, "chance 0.124"));
    EXPECT_FALSE(contains(measured, "constant"));
}

TEST(Report, SeveralModelsAreComparedAndTheFirstIsShown) {
    ReportInput input = full_input();
    json& evaluation = *input.evaluation;
    json second = {{"model", "finder"}, {"tasks", json::array()}};
    evaluation["models"] = {{{"model", "compact"}, {"tasks", evaluation["tasks"]}}, second};
    evaluation.erase("tasks");
    evaluation["comparisons"] = {
        {{"head", "hit"},
         {"output", nullptr},
         {"images", 250},
         {"pairs",
          {{{"first", "compact"},
            {"second", "finder"},
            {"only_first_right", 31},
            {"only_second_right", 2},
            {"accuracy_difference", {{"value", 0.116}, {"ci95", {0.08, 0.15}}, {"chance", 0.0}}},
            {"p", 1.3e-7},
            {"p_holm", 1.3e-7}}}}}};
    const std::string page = report_html(input);
    EXPECT_EQ(HtmlChecker(page).problem(), "");
    EXPECT_TRUE(contains(page, "<strong>96.8\u202f%</strong>"));
    EXPECT_TRUE(contains(section(page, "measured"), "11.6\u202f%"));
    EXPECT_TRUE(contains(section(page, "measured"), "1.3e-07"));
}

TEST(Report, EscapesWhateverComesFromOutside) {
    ReportInput input = full_input();
    const std::string evil = "<b>\"&'";
    input.corpus_summary["name"] = evil;
    input.corpus_summary["description"] = evil;
    input.corpus_summary["file"] = evil;
    input.corpus_summary["provenance"] = evil;
    input.corpus_summary["recipe"]["model"] = evil;
    input.corpus_summary["recipe_toml"] = "</code><script>";
    input.corpus_summary["classes"][2]["name"] = evil;
    (*input.evaluation)["split"] = evil;
    json& tasks = (*input.evaluation)["tasks"];
    tasks[0]["head"] = evil;
    tasks[0]["classes"][2]["name"] = evil;
    tasks[0]["chance_levels"][evil] = {{"accuracy", 0.999}};
    for (const char* key : {"output", "quantity", "units"}) tasks[0]["curves"][0][key] = evil;
    tasks[1]["labels"][0]["name"] = evil;
    tasks[2]["values"][0]["name"] = evil;
    tasks[2]["values"][0]["units"] = evil;
    (*input.evaluation)["comparisons"] = {
        {{"head", evil}, {"output", nullptr}, {"images", 3}, {"pairs", {{{"first", evil}, {"second", evil}}}}}};
    (*input.training)["options"]["model"] = evil;
    for (json& row : (*input.explanation)["rows"]) {
        row["stage"] = evil;
        row["map"] = evil;
        row["by_class"][0]["name"] = evil;
    }
    for (const char* key : {"class", "predicted", "map", "stage", "file"})
        (*input.explanation)["overlays"][2][key] = evil;
    input.commands = {"braggbench train <corpus> && echo \"done\""};
    const std::string page = report_html(input);
    EXPECT_EQ(HtmlChecker(page).problem(), "");
    EXPECT_FALSE(contains(page, "<b>"));
    EXPECT_EQ(HtmlChecker(page).count("script"), 0);
    EXPECT_TRUE(contains(page, "&lt;b&gt;&quot;&amp;&#39;"));
    EXPECT_TRUE(contains(page, "braggbench train &lt;corpus&gt; &amp;&amp; echo &quot;done&quot;"));
}

TEST(Report, SaysThatANullMetricIsNotAvailable) {
    ReportInput input = full_input();
    json& strong = (*input.evaluation)["tasks"][0]["classes"][4];
    strong["precision"] = {{"value", nullptr}, {"ci95", nullptr}, {"chance", 0.116}};
    const std::string measured = section(report_html(input), "measured");
    EXPECT_TRUE(contains(measured.substr(measured.find("precision</th>")),
                         "<td class=\"num\">n/a<span class=\"sub\">chance 11.6\u202f%</span></td>"));
    for (json& row : (*input.explanation)["rows"])
        row["slift"] = {{"value", nullptr}, {"ci95", nullptr}, {"chance", nullptr}};
    const std::string page = report_html(input);
    EXPECT_EQ(HtmlChecker(page).problem(), "");
    EXPECT_TRUE(contains(page, "No attribution map has a defined localisation score."));
    EXPECT_FALSE(contains(page, "nan"));
    EXPECT_FALSE(contains(page, ">inf"));
}

TEST(Report, NamesTheCommandForEveryMissingPart) {
    ReportInput input;
    input.corpus = "corpus.h5";
    const std::string page = report_html(input);
    EXPECT_EQ(HtmlChecker(page).problem(), "");
    EXPECT_TRUE(contains(section(page, "simulated"), "braggbench inspect --json"));
    EXPECT_TRUE(contains(section(page, "learned"), "braggbench train --json"));
    EXPECT_TRUE(contains(section(page, "measured"), "braggbench evaluate --json"));
    EXPECT_TRUE(contains(section(page, "explained"), "braggbench explain --json"));
    EXPECT_TRUE(contains(section(page, "repeat"), "The commands were not recorded."));
}

TEST(Report, SaysWhichOverlayIsMissing) {
    const std::string explained = section(report_html(full_input()), "explained");
    EXPECT_TRUE(contains(explained, "The overlay overlays/31-stage2-hires_cam.png is missing or is not a PNG file."));
    EXPECT_TRUE(contains(explained, "taken for strong"));
}

TEST(Report, ShowsCountsOfUndefinedImagesAndZeroMaps) {
    const std::string explained = section(report_html(full_input()), "explained");
    EXPECT_TRUE(contains(explained, "In 40 of them localisation is undefined"));
    EXPECT_TRUE(contains(explained, "(zero maps): 26, in 6 of the maps below"));
}

// A map that is zero in most images does not find the peaks best, however well it does in the rest.
TEST(Report, MapsThatSayNothingCountAsChance) {
    ReportInput input = full_input();
    const std::string before = report_html(input);
    const auto named = [](const std::string& page) {
        const auto from = page.find("finds the true peaks best");
        const auto start = page.rfind("attribution maps, ", from);
        return page.substr(start, from - start);
    };
    nlohmann::json* best = nullptr;
    for (auto& row : (*input.explanation)["rows"]) {
        if (row["kind"] != "attribution" || !row["slift"]["value"].is_number()) continue;
        if (best == nullptr || row["slift"]["value"] > (*best)["slift"]["value"]) best = &row;
    }
    ASSERT_NE(best, nullptr);
    (*best)["zero_maps"] = 20 * (*best)["images"].get<int>();
    const std::string after = report_html(input);
    EXPECT_NE(named(before), named(after));
    EXPECT_FALSE(contains(after, "on the others the map says nothing"));
    // Where few are silent it stays the best, and the page says so.
    (*best)["zero_maps"] = 1;
    const std::string few = report_html(input);
    EXPECT_EQ(named(before), named(few));
    EXPECT_TRUE(contains(few, "images with peaks; on the others the map says nothing"));
}

TEST(Report, LogarithmicTicksSayTheirFactor) {
    report::CurveChart chart;
    chart.title = "t";
    chart.x_scale = report::Scale::logarithmic;
    chart.curves = {{"c", {{1.5e21, 0.1}, {6e22, 0.9}}}};
    const std::string svg = report::curve_chart(chart);
    EXPECT_TRUE(contains(svg, ">2\u00d710<tspan"));
    EXPECT_TRUE(contains(svg, ">5\u00d710<tspan"));
    EXPECT_TRUE(contains(svg, ">10<tspan"));
}

TEST(Report, RefusesAResultOfAnotherCommand) {
    ReportInput input = full_input();
    std::swap(input.training, input.evaluation);
    EXPECT_THROW(report_html(input), DataError);
}

TEST(Report, RefusesValuesOfAnotherType) {
    ReportInput input = full_input();
    (*input.evaluation)["tasks"][0]["accuracy"]["value"] = "high";
    EXPECT_THROW(report_html(input), DataError);
    input = full_input();
    (*input.evaluation)["tasks"][0]["confusion"].erase(0);
    EXPECT_THROW(report_html(input), DataError);
}

TEST(Report, OneEpochAndNoEpochsAreFine) {
    ReportInput input = full_input();
    json& epochs = (*input.training)["epochs"];
    epochs = json::array({epochs[0]});
    epochs[0]["train_loss"] = nullptr;
    EXPECT_EQ(HtmlChecker(report_html(input)).problem(), "");
    EXPECT_FALSE(contains(report_html(input), "nan"));
    epochs = json::array();
    EXPECT_TRUE(contains(report_html(input), "has no epochs"));
}

TEST(Report, IsWrittenWholeOrNotAtAll) {
    const auto folder = std::filesystem::temp_directory_path() / "braggbench_report_test";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    write_report(folder / "report.html", full_input());
    const auto written = bytes_of(folder / "report.html");
    EXPECT_EQ(std::string(written.begin(), written.end()), report_html(full_input()));
    EXPECT_THROW(write_report(folder / "missing" / "report.html", full_input()), DataError);
    const std::filesystem::directory_iterator files(folder);
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
    std::filesystem::remove_all(folder);
}

TEST(ReportHtml, Base64FollowsRfc4648) {
    const auto uri = [](std::string_view text) {
        const std::vector<std::uint8_t> bytes(text.begin(), text.end());
        return report::png_data_uri(bytes).substr(std::string_view("data:image/png;base64,").size());
    };
    // The test vectors of RFC 4648, section 10.
    EXPECT_EQ(uri(""), "");
    EXPECT_EQ(uri("f"), "Zg==");
    EXPECT_EQ(uri("fo"), "Zm8=");
    EXPECT_EQ(uri("foo"), "Zm9v");
    EXPECT_EQ(uri("foob"), "Zm9vYg==");
    EXPECT_EQ(uri("foobar"), "Zm9vYmFy");
}

TEST(ReportHtml, NumbersKeepThreeFigures) {
    using report::format;
    EXPECT_EQ(format(7.9412), "7.94");
    EXPECT_EQ(format(12.06), "12.1");
    EXPECT_EQ(format(9.999), "10.0");
    EXPECT_EQ(format(131.4), "131");
    EXPECT_EQ(format(0.0312), "0.031");
    EXPECT_EQ(format(-0.5), "\u22120.500");
    EXPECT_EQ(format(std::nullopt), "n/a");
    EXPECT_EQ(format(std::numeric_limits<double>::quiet_NaN()), "n/a");
    EXPECT_EQ(format(0.968, report::NumberStyle::percent), "96.8\u202f%");
    EXPECT_EQ(report::format_count(1234567), "1\u202f234\u202f567");
    EXPECT_EQ(report::format_count(999), "999");
    EXPECT_EQ(report::format_scientific(2.1e22), "2.10\u202f\u00d7\u202f10<sup>22</sup>");
    EXPECT_EQ(report::format_scientific(9.9999e22), "1.00\u202f\u00d7\u202f10<sup>23</sup>");
    EXPECT_EQ(report::format_setting(29800.0), "29\u202f800");
    EXPECT_EQ(report::format_setting(0.344), "0.344");
}

TEST(ReportCharts, AxesCoverTheirValues) {
    const report::Axis linear = report::linear_axis(0.0, 1.45);
    EXPECT_DOUBLE_EQ(linear.low, 0.0);
    EXPECT_DOUBLE_EQ(linear.high, 1.5);
    EXPECT_DOUBLE_EQ(linear.fraction(0.75), 0.5);
    EXPECT_DOUBLE_EQ(linear.fraction(9.0), 1.0);
    const report::Axis wide = report::logarithmic_axis(0.9, 21.0);
    EXPECT_EQ(wide.ticks, (std::vector<double>{1, 2, 5, 10, 20}));
    EXPECT_NEAR(wide.fraction(std::sqrt(wide.low * wide.high)), 0.5, 1e-12);
    EXPECT_DOUBLE_EQ(wide.fraction(0.0), 0.0);
}

TEST(ReportCharts, MeasuredPointsHaveBarsAndTheReferenceAKey) {
    report::CurveChart chart;
    chart.title = "t";
    chart.y_axis = report::linear_axis(0.0, 1.0);
    chart.curves = {{"seen", {{1.0, 0.5}, {2.0, 1.0}}, true, {std::array{0.25, 0.75}, std::nullopt}}};
    chart.reference = 0.25;
    chart.reference_label = "false alarms";
    const std::string svg = report::curve_chart(chart);
    EXPECT_EQ(HtmlChecker(svg).problem(), "");
    EXPECT_EQ(HtmlChecker(svg).count("circle"), 3);  // and one in the key
    // From 252 (0) to 14 (1): 0.25 at 192.5, 0.75 at 73.5.
    EXPECT_TRUE(contains(svg, "y1=\"192.5\" y2=\"73.5\""));
    EXPECT_TRUE(contains(svg, "class=\"reference\""));
    EXPECT_TRUE(contains(svg, ">false alarms</text>"));
}

TEST(HtmlCheckerItself, FindsWhatIsWrong) {
    EXPECT_EQ(HtmlChecker("<p class=\"a\">x &amp; y<br></p>").problem(), "");
    EXPECT_NE(HtmlChecker("<p><b></p></b>").problem(), "");
    EXPECT_NE(HtmlChecker("<p>").problem(), "");
    EXPECT_NE(HtmlChecker("a & b").problem(), "");
    EXPECT_NE(HtmlChecker("a < b").problem(), "");
    EXPECT_NE(HtmlChecker("<p class=a></p>").problem(), "");
    EXPECT_NE(HtmlChecker("<img alt=\"<\">").problem(), "");
}

}  // namespace
}  // namespace braggbench
