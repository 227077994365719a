// Files of results come back as they were written; whatever is wrong with one is said with what to do.
#include "bench/results/results.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "bench/results/machine.hpp"
#include "simulator/error.hpp"
#include "tests/bench/small_results.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ResultsFile : public testing::Test {
protected:
    ResultsFile() : path_(fs::temp_directory_path() / ("braggbench-results-" + std::to_string(getpid()) + ".json")) {}
    ~ResultsFile() override { fs::remove(path_); }

    void write(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }
    [[nodiscard]] std::string read() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    // The message of a file that cannot be used.
    [[nodiscard]] std::string fault(const std::string& content) const {
        write(content);
        try {
            read_results(path_);
        } catch (const DataError& error) {
            EXPECT_NE(std::string(error.what()).find(path_.string()), std::string::npos) << error.what();
            return error.what();
        }
        return "none";
    }
    void expect_fault(const json& object, const std::string& words) const {
        EXPECT_NE(fault(object.dump()).find(words), std::string::npos) << words << "\n" << fault(object.dump());
    }

    fs::path path_;
};

TEST_F(ResultsFile, ComesBackAsWritten) {
    Results results = small_results();
    results.baseline.push_back({"2026-01-02T03:04:05Z", "first", "", "0.1.0"});
    results.measures[0].training_scatter = TrainingScatter{3, 0.25};
    write_results(path_, results);
    const Results again = read_results(path_);
    EXPECT_EQ(results_json(results), results_json(again));
    EXPECT_EQ(results_text(again), read());
    EXPECT_EQ(results_hash(again), results_hash(results));
    ASSERT_EQ(again.measures.size(), results.measures.size());
    EXPECT_EQ(again.measures[0].samples->values, results.measures[0].samples->values);
    EXPECT_EQ(again.measures[0].metric.ci95, results.measures[0].metric.ci95);
    EXPECT_EQ(again.baseline[0].reason, "first");
    results.measures[0].metric.chance = 0.25;
    EXPECT_NE(results_hash(again), results_hash(results));
}

TEST_F(ResultsFile, NotJsonOrEmpty) {
    EXPECT_NE(fault("").find("empty"), std::string::npos);
    EXPECT_NE(fault("accuracy 0.9").find("not JSON"), std::string::npos);
    EXPECT_NE(fault("{\"schema\": NaN}").find("undefined values are null"), std::string::npos);
    EXPECT_NE(fault("[]").find("not a file of results"), std::string::npos);
    EXPECT_NE(fault("{\"command\": \"evaluate\"}").find("not a file of results"), std::string::npos);
    fs::remove(path_);
    EXPECT_THROW(read_results(path_), DataError);
    EXPECT_THROW(read_results(fs::temp_directory_path()), DataError);
}

TEST_F(ResultsFile, AnotherSchemaSaysWhatToDo) {
    json object = results_json(small_results());
    object["schema"] = "braggbench-results/0";
    expect_fault(object, "schema braggbench-results/0 (this version reads braggbench-results/1)");
    expect_fault(object, "Make the file anew with `braggbench bench");
}

TEST_F(ResultsFile, MissingAndUnknownMembers) {
    const json whole = results_json(small_results());
    for (const auto& [key, value] : whole.items()) {
        json object = whole;
        object.erase(key);
        expect_fault(object, key);
    }
    for (const auto& [key, value] : whole.at("measures")[0].items()) {
        if (key == "samples") continue;
        json object = whole;
        object["measures"][0].erase(key);
        expect_fault(object, "\"" + key + "\"");
    }
    json object = whole;
    object["measures"][0]["vlaue"] = 1;
    expect_fault(object, "unknown member \"vlaue\". Did you mean \"value\"?");
    object = whole;
    object["measures"][0]["kind"] = "guess";
    expect_fault(object, "\"kind\" is \"guess\"");
    object = whole;
    object["measures"][0]["n"] = "many";
    expect_fault(object, "not a whole number");
    object = whole;
    object["measures"][0]["samples"]["values"][2] = nullptr;
    expect_fault(object, "null, not a number");
}

TEST_F(ResultsFile, WhatCannotBeTrueIsAFault) {
    const json whole = results_json(small_results());
    json object = whole;
    object["measures"].push_back(object["measures"][0]);
    expect_fault(object, "occurs twice");
    object = whole;
    object["measures"][0]["samples"]["values"].erase(0);
    expect_fault(object, "samples for n = 8");
    object = whole;
    object["measures"][0]["value"] = 0.25;
    expect_fault(object, "is not the mean of its samples");
    object = whole;
    object["measures"][0]["step"] = "nowhere";
    expect_fault(object, "step \"nowhere\"");
    object = whole;
    object["measures"][0]["ci95"] = {0.9, 0.1};
    expect_fault(object, "ends before it begins");
    object = whole;
    object["measures"][0]["training_scatter"] = {{"trainings", 1}, {"deviation", 0.1}};
    expect_fault(object, "between 1 trainings");
    std::string text = whole.dump();
    text.replace(text.find("\"value\":0.75"), 12, "\"value\":1e999");
    EXPECT_NE(fault(text).find("not JSON"), std::string::npos);
}

TEST_F(ResultsFile, WhatIsNotFiniteIsNotWritten) {
    write("before");
    Results results = small_results();
    results.measures[0].samples->values[3] = std::numeric_limits<double>::quiet_NaN();
    EXPECT_THROW(write_results(path_, results), DataError);
    results = small_results();
    results.measures[0].metric.value = std::numeric_limits<double>::infinity();
    EXPECT_THROW(write_results(path_, results), DataError);
    EXPECT_EQ(read(), "before");
}

// The schema names the members that the reader knows, and demands those that it demands.
TEST_F(ResultsFile, SchemaAgreesWithTheReader) {
    std::ifstream file("bench/results/results.schema.json");
    const json schema = json::parse(file);
    EXPECT_EQ(schema.at("properties").at("schema").at("const"), results_schema);
    Results results = small_results();
    results.baseline.push_back({"2026-01-02T03:04:05Z", "first", "", "0.1.0"});
    results.measures[0].training_scatter = TrainingScatter{3, 0.25};
    const json object = results_json(results);
    const auto expect_members = [](const json& described, const json& written) {
        for (const auto& [key, value] : written.items()) EXPECT_TRUE(described.at("properties").contains(key)) << key;
        for (const json& key : described.at("required")) EXPECT_TRUE(written.contains(key)) << key;
    };
    expect_members(schema, object);
    expect_members(schema.at("properties").at("machine"), object.at("machine"));
    expect_members(schema.at("properties").at("steps").at("items"), object.at("steps")[0]);
    expect_members(schema.at("properties").at("baseline").at("items"), object.at("baseline")[0]);
    const json& measure = schema.at("$defs").at("measure");
    for (const json& written : object.at("measures")) expect_members(measure, written);
    for (const json& key : measure.at("required")) {
        json without = object;
        without["measures"][0].erase(key.get<std::string>());
        EXPECT_NE(fault(without.dump()), "none") << key;
    }
    expect_members(measure.at("properties").at("training_scatter"), object.at("measures")[0].at("training_scatter"));
    expect_members(measure.at("properties").at("samples"), object.at("measures")[0].at("samples"));
}

TEST(Machine, IsKnownWithItsCalibration) {
    const MachineRecord machine = this_machine(2);
    EXPECT_FALSE(machine.processor.empty());
    EXPECT_GE(machine.cores, 1);
    EXPECT_EQ(machine.threads, 2);
    EXPECT_GT(machine.memory_gib, 0.1);
    EXPECT_GT(machine.calibration_ms, 1.0);
    EXPECT_GE(machine.calibration_scatter, 0.0);
}

}  // namespace
}  // namespace braggbench
