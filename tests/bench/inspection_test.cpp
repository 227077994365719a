#include "bench/report/inspection.hpp"

#include <gtest/gtest.h>

#include "html_checker.hpp"
#include "simulator/error.hpp"
#include "tests/datasets/small_corpus.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

json pair(const char* label, const char* nuisance, const char* shape, double auc, const char* kind = "attribute") {
    return {{"label", label},
            {"label_kind", kind},
            {"nuisance", nuisance},
            {"kind", "image"},
            {"shape", shape},
            {"images", 10},
            {"auc", {{"value", auc}, {"ci95", {auc - 0.05, auc + 0.05}}, {"chance", 0.5}}},
            {"p", 0.001},
            {"p_holm", 0.01},
            {"exceeds", auc > 0.65}};
}

json audit_of_two() {
    const json bad = pair("ice <b>", "total intensity", "rank", 0.9);
    return {{"command", "inspect --audit"},
            {"corpora", {"a&b.h5"}},
            {"images", 10},
            {"groups", nullptr},
            {"max_auc", 0.6},
            {"seed", 1},
            {"leaks", true},
            {"labels",
             {{{"name", "ice <b>"},
               {"kind", "attribute"},
               {"images", 10},
               {"positives", 4},
               {"not_audited", ""},
               {"leaks", true},
               {"worst", bad},
               {"together", pair("ice <b>", "all together", "together", 0.6)},
               {"worst_drawn", nullptr}},
              {{"name", "salt"},
               {"kind", "attribute"},
               {"images", 10},
               {"positives", 0},
               {"not_audited", "in no image"},
               {"leaks", false},
               {"worst", nullptr},
               {"together", nullptr},
               {"worst_drawn", nullptr}}}},
            {"pairs", {bad, pair("ice <b>", "total intensity", "any", 0.7)}}};
}

class Inspection : public testing::Test {
protected:
    CorpusReader corpus(std::int64_t images) {
        CorpusInfo info = test::small_info(images);
        info.recipe_toml.clear();
        info.class_names = {"blank", "<weak & \"odd\">", "never"};
        info.labels.attributes = {"ice", "unknown"};
        info.labels.values = {"size"};
        info.labels.value_units = {"um"};
        info.labels.graded = true;
        CorpusWriter writer(folder_ / "corpus.h5", info);
        for (std::int64_t i = 0; i < images; ++i) {
            CorpusRecord record = test::small_record(info, i, static_cast<int>(i));
            record.class_index = static_cast<int>(i % 2);
            record.split = Split::train;
            record.labels.attributes = {static_cast<std::uint8_t>(i % 2), ImageLabels::unknown};
            record.labels.values = {i == 0 ? std::nanf("") : static_cast<float>(i)};
            record.labels.grade = i == 1 ? Grade::hit : Grade::miss;
            writer.append(encode(std::move(record)));
        }
        writer.finish();
        return CorpusReader(folder_ / "corpus.h5");
    }
    test::ScratchFolder folder_;
};

TEST_F(Inspection, CountsLabels) {
    const json labels = label_counts_json(corpus(6));
    ASSERT_EQ(labels.size(), 7U);
    EXPECT_EQ(labels[0]["positive"], json::parse("[3, 0, 0]"));
    EXPECT_EQ(labels[2]["prevalence"], 0.0);
    EXPECT_EQ(labels[3]["prevalence"], 0.5);
    EXPECT_EQ(labels[4]["defined"], json::parse("[0, 0, 0]"));
    EXPECT_TRUE(labels[4]["prevalence"].is_null());
    EXPECT_EQ(labels[5]["grades"], json::parse("[5, 0, 1]"));
    EXPECT_EQ(labels[6]["defined"], json::parse("[5, 0, 0]"));
    EXPECT_EQ(labels[6]["quantiles"]["median"], 3.0);
}

TEST_F(Inspection, NumbersAddUp) {
    const CorpusReader made = corpus(6);
    const CorpusStatistics statistics = corpus_statistics(made, 1, {});
    const json result = inspection_json(made, statistics);
    EXPECT_EQ(result["command"], "inspect");
    EXPECT_EQ(result["images"], 6);
    const auto edges = result["histograms"]["edges_adu"].get<std::vector<double>>();
    double share = 0.0;
    const json& values = result["histograms"]["groups"][0]["share_per_adu"];
    for (std::size_t b = 0; b < values.size(); ++b) share += values[b].get<double>() * (edges[b + 1] - edges[b]);
    EXPECT_NEAR(share, 1.0, 1e-9);
    EXPECT_EQ(result["correlations"]["names"].size(), 7U);
    EXPECT_NEAR(result["correlations"]["matrix"][0][1].get<double>(), -1.0, 1e-9);
    EXPECT_TRUE(result["correlations"]["matrix"][2][0].is_null());
    EXPECT_EQ(result["radial_profiles"]["s_invA"].size(), static_cast<std::size_t>(radial_bins));
    EXPECT_EQ(result["image_numbers"][1]["class"], "<weak & \"odd\">");
}

TEST_F(Inspection, PageIsWholeAndSelfContained) {
    const CorpusReader made = corpus(6);
    const json result = inspection_json(made, corpus_statistics(made, 1, {}));
    const auto examples = example_images(made, 2, 1);
    ASSERT_EQ(examples.size(), 4U);
    const std::string page = inspection_html(result, examples, audit_of_two());
    const test::HtmlChecker checker(page);
    EXPECT_EQ(checker.problem(), "");
    EXPECT_EQ(checker.count("img"), 4);
    for (const std::string& attribute : checker.attributes()) {
        EXPECT_FALSE(attribute.starts_with("src=") && !attribute.starts_with("src=data:")) << attribute;
    }
    EXPECT_EQ(page.find("<weak"), std::string::npos);
    EXPECT_EQ(page.find("ice <b>"), std::string::npos);
    for (const char* id : {"audit", "labels", "intensities", "profiles", "peaks", "examples"}) {
        EXPECT_NE(page.find(std::string("<section id=\"") + id), std::string::npos) << id;
    }
    EXPECT_EQ(page, inspection_html(result, examples, audit_of_two()));
}

TEST_F(Inspection, AuditAlone) {
    const std::string page = inspection_html({}, {}, audit_of_two());
    EXPECT_EQ(test::HtmlChecker(page).problem(), "");
    EXPECT_NE(page.find("1 of 1 labels"), std::string::npos);
    EXPECT_NE(page.find("not audited: in no image"), std::string::npos);
    json broken = audit_of_two();
    broken["pairs"][0]["exceeds"] = "perhaps";
    EXPECT_THROW((void)inspection_html({}, {}, broken), DataError);
}

// A class and an attribute of one name are two labels, each with its own pairs.
TEST_F(Inspection, AuditKeepsLabelsOfOneNameApart) {
    json audit = audit_of_two();
    for (json& label : audit["labels"]) label["name"] = "blank";
    audit["labels"][1]["kind"] = "class";
    audit["labels"][1]["not_audited"] = "";
    audit["pairs"] = {pair("blank", "median", "rank", 0.71), pair("blank", "median", "rank", 0.83, "class")};
    const std::string page = inspection_html({}, {}, audit);
    EXPECT_EQ(test::HtmlChecker(page).problem(), "");
    const std::size_t attribute = page.find("blank (attribute)");
    const std::size_t of_class = page.find("blank (class)");
    ASSERT_NE(attribute, std::string::npos);
    ASSERT_NE(of_class, std::string::npos);
    EXPECT_EQ(page.find("0.83", attribute) > of_class, true);
    EXPECT_LT(page.find("0.71", attribute), of_class);
    EXPECT_NE(page.find(">0.71"), std::string::npos);
    EXPECT_NE(page.find("<strong>0.83"), std::string::npos);
}

TEST_F(Inspection, OneImageWithoutPeaks) {
    const CorpusReader made = corpus(1);
    const json result = inspection_json(made, corpus_statistics(made, 1, {}));
    EXPECT_EQ(test::HtmlChecker(inspection_html(result, example_images(made, 3, 1), {})).problem(), "");
}

}  // namespace
}  // namespace braggbench
