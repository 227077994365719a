// `look-inside` as a person meets it: the page with all its parts, networks without stages, and wrong input.
#include <nlohmann/json.hpp>

#include "tests/bench/html_checker.hpp"
#include "tests/bench/program.hpp"

namespace braggbench {
namespace {

TEST_F(Program, LooksInsideANetwork) {
    const Outcome looked =
        run("look-inside corpus.h5 --model model.pt -o inside --steps 3 --starts 1 --tv 0,0.1 --maps 9 --json");
    ASSERT_EQ(looked.exit_code, 0) << looked.output;
    EXPECT_EQ(looked.output, read("inside/inside.json"));
    const auto json = nlohmann::json::parse(looked.output);
    EXPECT_EQ(json.at("stages").size(), 5U);
    EXPECT_EQ(json.at("filters").size(), 5U);
    EXPECT_EQ(json.at("drawn").size(), 5U);                  // a class each
    EXPECT_EQ(json.at("inversion").at("rows").size(), 20U);  // 2 networks x 5 stages x 2 weights
    EXPECT_EQ(json.at("inversion").at("passes"), 2 * 5 * 2 * 3);
    EXPECT_EQ(json.at("census").at("untrained").at("stages").size(), 7U);
    const std::string page = read("inside/inside.html");
    EXPECT_EQ(test::HtmlChecker(page).problem(), "");
    for (const char* word : {"Fewer than 1000 images", "conv1", "stage5", "Spot recall", "untrained, stage2"}) {
        EXPECT_NE(page.find(word), std::string::npos) << word;
    }

    // Filters alone, of a network whose stages are not known as well.
    EXPECT_EQ(run("look-inside --model model.pt -o filters").exit_code, 0);
    EXPECT_TRUE(fs::exists(directory / "filters" / "filters-conv1.png"));
    ASSERT_EQ(run("export-model model.pt -o model.torchscript").exit_code, 0);
    const Outcome scripted = run("look-inside corpus.h5 --model model.torchscript -o scripted");
    ASSERT_EQ(scripted.exit_code, 0) << scripted.output;
    const auto without_stages = nlohmann::json::parse(read("scripted/inside.json"));
    EXPECT_TRUE(without_stages.at("stages").empty());
    EXPECT_TRUE(without_stages.at("inversion").is_null());
    EXPECT_EQ(without_stages.at("census").at("trained").at("stages").size(), 1U);  // its outputs
    EXPECT_FALSE(without_stages.at("census").at("trained").at("layers").empty());
    EXPECT_EQ(test::HtmlChecker(read("scripted/inside.html")).problem(), "");

    expect_fault("look-inside corpus.h5 --model model.torchscript -o bad --stage stage1", 2, "are not known");
    expect_fault("look-inside corpus.h5 --model model.pt -o bad --stage stage9", 2, "stage1, stage2");
    expect_fault("look-inside corpus.h5 --model model.pt -o bad --image 60", 2, "Give 0 to 59");
    expect_fault("look-inside corpus.h5 --model model.pt -o corpus.h5", 2, "not a folder");
    expect_fault("look-inside corpus.h5 --model model.pt -o nowhere/inside", 3, "nowhere");
    expect_fault("look-inside --model model.pt -o bad --stage stage1", 2, "Name a corpus");
    expect_fault("look-inside missing.h5 --model model.pt -o bad", 3, "missing.h5");

    // Another size goes through the model's view.
    ASSERT_EQ(run("generate diffranet-small -o large.h5 -n 10 --set detector.width_px=96 --set detector.height_px=80 "
                  "--set detector.beam_fast_px=48 --set detector.beam_slow_px=40 --set crystal.d_min_A=8")
                  .exit_code,
              0);
    EXPECT_EQ(run("look-inside large.h5 --model model.pt -o large --inverted 0 --split train").exit_code, 0);
}

}  // namespace
}  // namespace braggbench
