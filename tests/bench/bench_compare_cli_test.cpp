// `braggbench bench compare` and `bench baseline update` as CI meets them: verdicts by exit code, files that cannot be
// used by a message that says what to do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/program.hpp"
#include "tests/bench/small_results.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

class BenchCompare : public Program {
protected:
    // No corpus, no network: only files of results.
    static void SetUpTestSuite() {
        directory = fs::temp_directory_path() / ("braggbench-bench-compare-" + std::to_string(getpid()));
        fs::create_directories(directory);
        base = small_results();
        Measure& accuracy = base.measures.front();
        accuracy.samples = Samples{"images", std::vector<double>(100, 1.0), {}, false};
        for (std::size_t i = 0; i < 100; i += 10) accuracy.samples->values[i] = 0.0;
        accuracy.n = 100;
        accuracy.metric = proportion(90, 100, 0.5);
        worse = base;
        Measure& wrong = worse.measures.front();
        for (std::size_t i = 0; i < 40; ++i) wrong.samples->values[i] = 0.0;
        const auto right = std::count(wrong.samples->values.begin(), wrong.samples->values.end(), 1.0);
        wrong.metric = proportion(right, 100, 0.5);
        write_results(directory / "base.json", base);
        write_results(directory / "worse.json", worse);
    }

    static void write_json(const std::string& name, const json& object) { write(name, object.dump()); }

    static inline Results base;
    static inline Results worse;
};

TEST_F(BenchCompare, VerdictsByExitCode) {
    const Outcome same = run("bench compare base.json base.json");
    EXPECT_EQ(same.exit_code, 0) << same.output;
    EXPECT_NE(same.output.find("0 regressions"), std::string::npos) << same.output;
    const Outcome regression = run("bench compare base.json worse.json --markdown c.md --junit c.xml --csv c.csv");
    EXPECT_EQ(regression.exit_code, 1) << regression.output;
    EXPECT_EQ(regression.output.find("regression"), 0U) << regression.output;
    EXPECT_NE(read("c.md").find("### regression (1)"), std::string::npos);
    EXPECT_NE(read("c.xml").find("failures=\"1\""), std::string::npos);
    EXPECT_NE(read("c.csv").find("network/accuracy,score,higher,,regression,0.9,"), std::string::npos) << read("c.csv");
    const Outcome improvement = run("bench compare worse.json base.json --json");
    EXPECT_EQ(improvement.exit_code, 0) << improvement.output;
    EXPECT_EQ(json::parse(improvement.output).at("counts").at("improvement"), 1);
}

TEST_F(BenchCompare, FilesThatCannotBeUsed) {
    json older = results_json(base);
    older["schema"] = "braggbench-results/0";
    write_json("older.json", older);
    expect_fault("bench compare older.json base.json", 3, "this version reads braggbench-results/1");
    write("nan.json", "{\"schema\": \"braggbench-results/1\", \"measures\": NaN}");
    expect_fault("bench compare base.json nan.json", 3, "nan.json: not JSON");
    json undefined = results_json(base);
    undefined["measures"][0]["samples"]["values"][3] = nullptr;
    write_json("null.json", undefined);
    expect_fault("bench compare base.json null.json", 3, "measures[0].samples");
    json shorter = results_json(base);
    shorter["measures"][0]["samples"]["values"].erase(5);
    write_json("shorter.json", shorter);
    expect_fault("bench compare base.json shorter.json", 3, "99 samples for n = 100");
    shorter["measures"][0]["n"] = 99;
    shorter["measures"][0]["value"] = 89.0 / 99.0;
    write_json("shorter.json", shorter);
    expect_fault("bench compare base.json shorter.json", 3, "images are missing");
    write("text.json", "accuracy 0.9\n");
    expect_fault("bench compare text.json base.json", 3, "not JSON");
    write("nothing.json", "");
    expect_fault("bench compare base.json nothing.json", 3, "nothing.json: empty");
    expect_fault("bench compare base.json nowhere.json", 3, "nowhere.json");
    json paper = results_json(base);
    paper["suite"] = "paper";
    write_json("paper.json", paper);
    expect_fault("bench compare base.json paper.json", 2, "two runs of one suite");
    write_json("micro.json", {{"context", json::object()}, {"benchmarks", json::array()}});
    expect_fault("bench compare base.json micro.json", 2, "Compare two files of one kind");
    expect_fault("bench compare base.json base.json --csv nowhere/c.csv", 3, "nowhere");
    expect_fault("bench compare base.json", 2, "NEW");
}

TEST_F(BenchCompare, OtherHardwareLeavesSpeedsOut) {
    Results elsewhere = base;
    elsewhere.machine.processor = "Other 5000";
    write_results(directory / "elsewhere.json", elsewhere);
    const Outcome result = run("bench compare elsewhere.json base.json");
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_NE(result.output.find("speeds are not comparable: BASE ran on Other 5000"), std::string::npos)
        << result.output;
    EXPECT_NE(result.output.find("measured on another machine"), std::string::npos);
    fs::remove(directory / "elsewhere.json");
}

TEST_F(BenchCompare, BenchmarksToo) {
    const auto file = [](double time) {
        json runs = json::array();
        for (int i = 0; i < 8; ++i) {
            runs.push_back({{"name", "noise"}, {"cpu_time", time + 0.01 * i}, {"time_unit", "ms"}});
        }
        return json{{"context", {{"num_cpus", 2}}}, {"benchmarks", runs}};
    };
    write_json("before.json", file(10.0));
    write_json("after.json", file(20.0));
    EXPECT_EQ(run("bench compare before.json before.json").exit_code, 0);
    const Outcome slower = run("bench compare before.json after.json");
    EXPECT_EQ(slower.exit_code, 1) << slower.output;
    EXPECT_NE(slower.output.find("rank sum"), std::string::npos) << slower.output;
}

TEST_F(BenchCompare, BaselinesKeepTheirHistory) {
    const Outcome first = run("bench baseline update kept.json base.json --reason 'the first'");
    ASSERT_EQ(first.exit_code, 0) << first.output;
    const Results kept = read_results(directory / "kept.json");
    ASSERT_EQ(kept.baseline.size(), 1U);
    EXPECT_EQ(kept.baseline[0].reason, "the first");
    EXPECT_EQ(kept.baseline[0].previous, "");
    EXPECT_EQ(kept.baseline[0].date.size(), 20U);

    expect_fault("bench baseline update kept.json worse.json", 2, "--reason");
    expect_fault("bench baseline update kept.json worse.json --reason ' '", 2, "no reason");
    EXPECT_EQ(results_hash(read_results(directory / "kept.json")), results_hash(kept));
    ASSERT_EQ(run("bench baseline update kept.json worse.json --reason 'another corpus'").exit_code, 0);
    const Results again = read_results(directory / "kept.json");
    ASSERT_EQ(again.baseline.size(), 2U);
    EXPECT_EQ(again.baseline[1].previous, results_hash(kept));
    EXPECT_EQ(again.measures[0].metric.value, worse.measures[0].metric.value);
    const Outcome compared = run("bench compare kept.json worse.json");
    EXPECT_EQ(compared.exit_code, 0) << compared.output;
    EXPECT_NE(compared.output.find("another corpus"), std::string::npos) << compared.output;

    // Other trainings give scores their scatter; what no network says has none.
    Results seed2 = worse;
    for (Measure& one : seed2.measures) {
        if (one.id == "network/auc") *one.metric.value += 0.02;
    }
    write_results(directory / "seed2.json", seed2);
    ASSERT_EQ(run("bench baseline update kept.json worse.json --reason 'scatter' --training seed2.json").exit_code, 0);
    // Kept by an update without trainings.
    ASSERT_EQ(run("bench baseline update kept.json worse.json --reason 'again'").exit_code, 0);
    for (const Measure& one : read_results(directory / "kept.json").measures) {
        ASSERT_EQ(one.training_scatter.has_value(), one.id == "network/auc") << one.id;
        if (!one.training_scatter) continue;
        EXPECT_EQ(one.training_scatter->trainings, 2);
        EXPECT_NEAR(one.training_scatter->deviation, 0.02 / std::sqrt(2.0), 1e-12);
    }

    Results paper = base;
    paper.suite = "paper";
    write_results(directory / "other.json", paper);
    expect_fault("bench baseline update kept.json other.json --reason 'x'", 2, "Name another file");
    expect_fault("bench baseline update kept.json worse.json --reason 'x' --training other.json", 2, "--training-seed");
}

}  // namespace
}  // namespace braggbench
