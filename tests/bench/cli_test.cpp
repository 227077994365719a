// The program as a person meets it: the whole path on a tiny corpus, then wrong input of every kind. Each fault must
// give one clear message, the documented exit code, and leave nothing behind.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/program.hpp"

namespace braggbench {
namespace {

TEST_F(Program, WholePath) {
    ASSERT_EQ(corpus_run.exit_code, 0) << corpus_run.output;
    ASSERT_EQ(train_run.exit_code, 0) << train_run.output;
    EXPECT_FALSE(fs::exists(directory / "model.pt.checkpoint"));

    const Outcome evaluated = run("evaluate corpus.h5 --model model.pt --json -o evaluation.json");
    ASSERT_EQ(evaluated.exit_code, 0) << evaluated.output;
    const auto evaluation = nlohmann::json::parse(evaluated.output);
    EXPECT_EQ(evaluation, nlohmann::json::parse(read("evaluation.json")));
    for (const char* metric : {"accuracy", "balanced_accuracy", "mcc"}) {
        const auto& score = evaluation.at("tasks")[0].at(metric);
        EXPECT_TRUE(score.contains("value") && score.contains("ci95") && score.contains("chance")) << metric;
    }
    const Outcome explained = run("explain corpus.h5 --model model.pt -o explanation.json --overlays 1 --nulls 3");
    ASSERT_EQ(explained.exit_code, 0) << explained.output;
    const Outcome reported = run(
        "report corpus.h5 --model model.pt --evaluation evaluation.json --explanation explanation.json -o report.html");
    ASSERT_EQ(reported.exit_code, 0) << reported.output;
    EXPECT_NE(read("report.html").find("</html>"), std::string::npos);
    const Outcome inspected = run("inspect corpus.h5 --json --contact-sheet sheet.png");
    ASSERT_EQ(inspected.exit_code, 0) << inspected.output;
    EXPECT_EQ(nlohmann::json::parse(inspected.output).at("images"), 60);
}

TEST_F(Program, InspectionAndAudit) {
    const Outcome inspected = run("inspect corpus.h5 -o seen --json numbers.json");
    ASSERT_EQ(inspected.exit_code, 0) << inspected.output;
    EXPECT_NE(read("seen/inspection.html").find("</html>"), std::string::npos);
    EXPECT_EQ(read("seen/inspection.json"), read("numbers.json"));
    EXPECT_FALSE(nlohmann::json::parse(read("numbers.json")).contains("audit"));

    // Strong beams are brighter: only a limit that is asked for makes that a fault.
    const Outcome looked = run("inspect corpus.h5 --audit --json");
    ASSERT_EQ(looked.exit_code, 0) << looked.output;
    EXPECT_TRUE(nlohmann::json::parse(looked.output).at("audit").at("leaks").get<bool>());
    EXPECT_EQ(run("inspect corpus.h5 --audit --max-auc 0.6").exit_code, 1);
    EXPECT_EQ(run("inspect corpus.h5 corpus.h5 --audit").exit_code, 0);
    expect_fault("inspect corpus.h5 corpus.h5", 2, "--audit");
    expect_fault("inspect corpus.h5 --max-auc 0.6", 2, "--audit");
    expect_fault("inspect corpus.h5 -o nowhere/seen", 3, "nowhere");
}

TEST_F(Program, ImageOfACorpusAlone) {
    const Outcome alone = run(
        "simulate --recipe diffranet-small --image 17 -o alone --set corpus.image_count=60 --set detector.width_px=64 "
        "--set detector.height_px=64 --set detector.beam_fast_px=32 --set detector.beam_slow_px=32 "
        "--set crystal.d_min_A=8");
    ASSERT_EQ(alone.exit_code, 0) << alone.output;
    const Outcome from_corpus = run("classify corpus.h5 --model model.pt --json");
    const Outcome from_file = run("classify alone/image.h5 alone/image.png --model model.pt --json");
    ASSERT_EQ(from_corpus.exit_code, 0) << from_corpus.output;
    const auto all = nlohmann::json::parse(from_corpus.output).at("images");
    const auto one = nlohmann::json::parse(from_file.output).at("images");
    EXPECT_EQ(all.at(17).at("spot_count"), one.at(0).at("spot_count"));
    EXPECT_EQ(all.at(17).at("scores"), one.at(0).at("scores"));
    EXPECT_EQ(all.at(17).at("scores"), one.at(1).at("scores"));
}

TEST_F(Program, AnotherSizeIsBroughtToTheView) {
    ASSERT_EQ(run("simulate -o large").exit_code, 0);
    const Outcome result = run("classify large/image.png large/image.h5 large/image_001.img --model model.pt");
    EXPECT_EQ(result.exit_code, 0) << result.output;
}

TEST_F(Program, PredictionsOfOthersAreScoredLikeAModels) {
    ASSERT_EQ(run("evaluate corpus.h5 --model model.pt --write-predictions own.csv -o own.json").exit_code, 0);
    ASSERT_EQ(run("evaluate corpus.h5 --predictions own.csv -o again.json").exit_code, 0);
    EXPECT_EQ(nlohmann::json::parse(read("own.json")).at("tasks"),
              nlohmann::json::parse(read("again.json")).at("tasks"));
    ASSERT_EQ(run("find-peaks corpus.h5 -o peaks.csv").exit_code, 0);
    const Outcome both = run("evaluate corpus.h5 --model model.pt --predictions own.csv --peaks peaks.csv --json");
    ASSERT_EQ(both.exit_code, 0) << both.output;
    const auto json = nlohmann::json::parse(both.output);
    EXPECT_EQ(json.at("models").size(), 3U);
    EXPECT_EQ(json.at("comparisons").at(0).at("pairs").at(0).at("p"), 1.0);
    write("half.csv", read("own.csv").substr(0, 200));
    expect_fault("evaluate corpus.h5 --predictions half.csv", 3, "half.csv");
    expect_fault("evaluate corpus.h5", 2, "nothing to evaluate");
    expect_fault("evaluate corpus.h5 --model model.pt --write-predictions own.txt", 2, "own.txt");
}

TEST_F(Program, BenchRunsASuite) {
    write("mine.toml", "name = \"mine\"\n[[check]]\nname = \"metrics\"\ncheck = \"metrics\"\n");
    const Outcome planned = run("bench mine.toml --cache bench --dry-run");
    ASSERT_EQ(planned.exit_code, 0) << planned.output;
    EXPECT_NE(planned.output.find("metrics"), std::string::npos) << planned.output;
    const Outcome made = run("bench mine.toml --cache bench -o r.json --junit r.xml --markdown r.md --csv r.csv");
    ASSERT_EQ(made.exit_code, 0) << made.output;
    EXPECT_NE(made.output.find("balanced_accuracy"), std::string::npos) << made.output;
    EXPECT_EQ(nlohmann::json::parse(read("r.json")).at("suite"), "mine");
    EXPECT_NE(read("r.xml").find("failures=\"0\""), std::string::npos);
    EXPECT_NE(read("r.md").find("| balanced_accuracy |"), std::string::npos);
    EXPECT_NE(read("r.csv").find("\"metrics/balanced_accuracy\""), std::string::npos);
    EXPECT_NE(run("bench mine.toml --cache bench").output.find("cached"), std::string::npos);

    expect_fault("bench cii", 2, "Did you mean \"ci\"?");
    expect_fault("bench missing.toml", 3, "cannot be read");
    write("bad.toml", "name = \"bad\"\n[[check]]\nname = \"a\"\nchek = \"metrics\"\n");
    expect_fault("bench bad.toml", 2, "bad.toml:4:8: unknown key \"check.chek\"");
}

TEST_F(Program, MissingAndTruncatedFiles) {
    expect_fault("inspect nowhere.h5", 3, "nowhere.h5");
    expect_fault("evaluate corpus.h5 --model nowhere.pt", 3, "nowhere.pt");
    expect_fault("simulate --model nowhere.pdb -o shot", 3, "nowhere.pdb");
    write("short.h5", read("corpus.h5").substr(0, 30000));
    expect_fault("inspect short.h5", 3, "short.h5");
    write("short.pt", read("model.pt").substr(0, 1000));
    expect_fault("evaluate corpus.h5 --model short.pt", 3, "short.pt");
    expect_fault("classify corpus.h5 --model corpus.h5", 3, "corpus.h5");
    write("broken.json", "{\"accuracy\":");
    expect_fault("report corpus.h5 --evaluation broken.json", 3, "broken.json");
}

TEST_F(Program, NotWhatItsNameSays) {
    write("fake.cbf", "this is no CBF file\n");
    write("fake.png", "\x89PNG\r\n\x1a\n and then nothing");
    expect_fault("classify fake.cbf --model model.pt", 3, "fake.cbf");
    expect_fault("classify fake.png --model model.pt", 3, "fake.png");
    write("nan.pdb",
          "CRYST1   30.000   40.000   50.000  90.00  90.00  90.00 P 1           1\n"
          "ATOM      1  CA  ALA A   1         nan  10.000  10.000  1.00 20.00           C\n"
          "END\n");
    expect_fault("simulate --model nan.pdb -o shot", 3, "nan.pdb");
}

TEST_F(Program, WrongRequests) {
    expect_fault("generate diffranet-small --set detector.distanse_mm=3", 2, "detector.distance_mm");
    expect_fault("generate difranet", 2, "diffranet");
    expect_fault("simulate --distance-mm=-120 -o shot", 2, "detector.distance_mm = -120");
    expect_fault("simulate --distance-mm=nan -o shot", 2, "detector.distance_mm = nan");
    expect_fault("simulate --model lysozime -o shot", 2, "lysozyme");
    expect_fault("train corpus.h5 --model compakt -o other.pt", 2, "compact");
    expect_fault("generate", 2, "RECIPE");
    expect_fault("nonsense", 2, "nonsense");
}

TEST_F(Program, HalfRunsAreOneCorpus) {
    const std::string ci = "generate ci -n 12 --set crystal.d_min_A=8 -o ";
    ASSERT_EQ(run(ci + "once.h5").exit_code, 0);
    ASSERT_EQ(run(ci + "halves.h5 --part 2/2").exit_code, 0);
    EXPECT_FALSE(fs::exists(directory / "halves.h5"));
    ASSERT_EQ(run(ci + "halves.h5 --part 1/2").exit_code, 0);
    const Outcome joined = run(ci + "halves.h5");
    ASSERT_EQ(joined.exit_code, 0) << joined.output;
    EXPECT_TRUE(read("halves.h5") == read("once.h5"));
    ASSERT_EQ(run(ci + "virtual.h5 --keep-parts").exit_code, 0);
    EXPECT_EQ(run("verify virtual.h5").exit_code, 0);
    fs::remove(directory / "virtual.h5.parts/00000000-00000011.h5");
    expect_fault("verify virtual.h5", 3, "00000000-00000011.h5");
    expect_fault("inspect virtual.h5", 3, "00000000-00000011.h5");
    expect_fault(ci + "halves.h5 --part 3/2", 2, "3/2");
    expect_fault(ci + "halves.h5 --part half", 2, "K/N");
}

TEST_F(Program, UnwritableOutput) {
    expect_fault("generate diffranet-small -n 5 -o nowhere/corpus.h5", 3, "nowhere");
    expect_fault("train corpus.h5 -o nowhere/model.pt", 3, "nowhere");
    expect_fault("explain corpus.h5 --model model.pt -o nowhere/e.json", 3, "nowhere");
    expect_fault("report corpus.h5 -o nowhere/report.html", 3, "nowhere");
    expect_fault("simulate -o corpus.h5", 3, "corpus.h5");
}

}  // namespace
}  // namespace braggbench
