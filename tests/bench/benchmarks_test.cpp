// Files of Google Benchmark: times of equal machines, by ranks and by how speeds scatter.
#include "bench/results/benchmarks.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json benchmark_file(double time_us, int repeats) {
    json file = {{"context", {{"num_cpus", 4}, {"caches", json::array()}, {"date", "today"}}},
                 {"benchmarks", json::array()}};
    for (int i = 0; i < repeats; ++i) {
        const double noise = 1.0 + 0.002 * (i % 3) + 1e-5 * i;
        file["benchmarks"].push_back({{"name", "noise/flat"},
                                      {"run_name", "noise/flat"},
                                      {"run_type", "iteration"},
                                      {"cpu_time", time_us * noise},
                                      {"real_time", 3.0 * time_us},
                                      {"time_unit", "us"}});
        file["benchmarks"].push_back({{"name", "write/real_time"},
                                      {"run_name", "write/real_time"},
                                      {"run_type", "iteration"},
                                      {"cpu_time", 1.0},
                                      {"real_time", 5.0 * noise},
                                      {"time_unit", "ms"}});
    }
    file["benchmarks"].push_back(
        {{"name", "noise/flat_mean"}, {"run_name", "noise/flat"}, {"run_type", "aggregate"}, {"cpu_time", 1e9}});
    return file;
}

class Benchmarks : public testing::Test {
protected:
    Benchmarks() : directory_(fs::temp_directory_path() / ("braggbench-benchmarks-" + std::to_string(getpid()))) {
        fs::create_directories(directory_);
    }
    ~Benchmarks() override { fs::remove_all(directory_); }
    [[nodiscard]] fs::path write(const std::string& name, const std::string& content) const {
        std::ofstream(directory_ / name) << content;
        return directory_ / name;
    }
    [[nodiscard]] ResultsComparison compare(const json& base, const json& fresh) const {
        return compare_benchmarks(write("base.json", base.dump()), write("new.json", fresh.dump()));
    }

    fs::path directory_;
};

TEST_F(Benchmarks, SlowerAndFaster) {
    const json base = benchmark_file(100.0, 10);
    EXPECT_TRUE(is_benchmark_file(write("base.json", base.dump())));
    auto comparison = compare(base, base);
    ASSERT_EQ(comparison.changes.size(), 2U);
    EXPECT_EQ(comparison.count(Verdict::unchanged), 2);
    EXPECT_NEAR(*comparison.changes[0].base->value, 0.1002, 1e-4);  // ms of processor time
    EXPECT_NEAR(*comparison.changes[1].base->value, 5.01, 1e-2);    // real time, as the name says

    comparison = compare(base, benchmark_file(200.0, 10));
    EXPECT_EQ(comparison.changes[0].verdict, Verdict::regression);
    EXPECT_NEAR(*comparison.changes[0].difference, -0.5, 1e-3);
    EXPECT_EQ(comparison.changes[0].test, "rank sum");
    EXPECT_EQ(comparison.changes[1].verdict, Verdict::unchanged);
    EXPECT_EQ(compare(benchmark_file(200.0, 10), base).changes[0].verdict, Verdict::improvement);
    // Sure by ranks, but no more than two runs of one program may differ.
    EXPECT_EQ(compare(base, benchmark_file(105.0, 10)).changes[0].verdict, Verdict::unchanged);
}

TEST_F(Benchmarks, FewRepeatsCannotBeSure) {
    const auto comparison = compare(benchmark_file(100.0, 3), benchmark_file(200.0, 3));
    EXPECT_EQ(comparison.count(Verdict::not_comparable), 2);
    EXPECT_NE(comparison.changes[0].why.find("--benchmark_repetitions=6"), std::string::npos)
        << comparison.changes[0].why;
}

TEST_F(Benchmarks, CalibrationTakesTheMachineOut) {
    const auto calibrated = [](double time_us, double calibration_ms) {
        json file = benchmark_file(time_us, 10);
        for (int i = 0; i < 10; ++i) {
            file["benchmarks"].push_back({{"name", "calibration"},
                                          {"run_name", "calibration"},
                                          {"run_type", "iteration"},
                                          {"cpu_time", calibration_ms},
                                          {"time_unit", "ms"}});
        }
        return file;
    };
    const auto comparison = compare(calibrated(100.0, 50.0), calibrated(200.0, 100.0));
    EXPECT_EQ(comparison.changes.size(), 2U);
    EXPECT_EQ(comparison.changes[0].verdict, Verdict::unchanged);
    EXPECT_EQ(comparison.changes[1].verdict, Verdict::improvement);
    EXPECT_TRUE(comparison.notes.empty());
}

TEST_F(Benchmarks, OtherMachinesMissingAndFailedOnes) {
    const json base = benchmark_file(100.0, 10);
    json fresh = base;
    fresh["context"]["num_cpus"] = 8;
    EXPECT_EQ(compare(base, fresh).count(Verdict::not_comparable), 2);
    fresh = base;
    for (json& run : fresh["benchmarks"]) {
        if (run.at("run_name") == "noise/flat") {
            run["error_occurred"] = true;
            run["error_message"] = "no memory";
        }
    }
    const auto failed = compare(base, fresh);
    EXPECT_EQ(failed.changes[0].verdict, Verdict::regression);
    EXPECT_EQ(failed.changes[0].why, "failed: no memory");
    fresh["benchmarks"] = json::array();
    EXPECT_EQ(compare(base, fresh).count(Verdict::not_comparable), 2);
}

TEST_F(Benchmarks, FilesOfAnotherForm) {
    EXPECT_FALSE(is_benchmark_file(write("other.json", "{\"schema\": \"braggbench-results/1\"}")));
    EXPECT_THROW(is_benchmark_file(write("other.json", "not JSON")), DataError);
    json fresh = benchmark_file(100.0, 2);
    fresh["benchmarks"][0]["time_unit"] = "weeks";
    EXPECT_THROW(compare(fresh, fresh), DataError);
    fresh["benchmarks"][0].erase("cpu_time");
    EXPECT_THROW(compare(fresh, fresh), DataError);
    fresh = benchmark_file(0.0, 2);
    EXPECT_THROW(compare(fresh, fresh), DataError);
}

}  // namespace
}  // namespace braggbench
