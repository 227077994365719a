// What a suite measured, as one file (docs/suites.md, bench/results/results.schema.json): every number with its
// interval, chance and count, and its value per image where there is one, so that two runs can be compared in pairs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "classifiers/metric.hpp"

namespace braggbench {

enum class MeasureKind {
    score,  // a statistic of images, with an interval
    speed,  // compared on the same machine only, relative to its calibration
    exact   // a checksum or a count that must not change
};

enum class Better { higher, lower };

// A value for each image (or peak, or map): the mean of `values` is the measure's value, or, where `median` is set,
// their median.
struct Samples {
    std::string units;           // a hash of what the values belong to; equal means the same images in the same order
    std::vector<double> values;  // finite
    std::vector<int> strata;     // true class of each, for resampling; empty: one stratum
    bool median = false;
};

// How far apart networks are that differ by the seed of their training alone.
struct TrainingScatter {
    int trainings = 0;       // at least 2
    double deviation = 0.0;  // of the measure's value, above 0
};

struct Measure {
    std::string id;    // unique in a file: "diffranet/compact/class/accuracy"
    std::string step;  // the StepRecord that it comes from
    MeasureKind kind = MeasureKind::score;
    Better better = Better::higher;
    std::string unit;  // "" for shares and ratios, else "images/s", "ms", "px"
    Metric metric;
    std::int64_t n = 0;  // images (peaks, maps, repeats) behind it
    std::optional<Samples> samples;
    std::string text;                                      // of kind exact: what must not change
    std::optional<TrainingScatter> training_scatter = {};  // of baselines, where a network was trained
};

struct StepRecord {
    std::string name;
    std::string kind;  // "generate", "train", "evaluate", "explain", "find-peaks", "speed", ...
    std::string hash;  // of everything that decides its result
    bool cached = false;
    double wall_s = 0.0;  // of the run that made it
    double cpu_s = 0.0;
};

struct MachineRecord {
    std::string processor;
    int cores = 0;
    int threads = 0;
    double memory_gib = 0.0;
    double calibration_ms = 0.0;       // least time of the calibration kernel
    double calibration_scatter = 0.0;  // standard deviation of the logarithm of its times: how busy the machine was
};

// Why a baseline replaced another: `bench baseline update` adds one, oldest first.
struct BaselineRecord {
    std::string date;      // UTC, "2026-11-29T21:30:00Z"
    std::string reason;    // in words, not empty
    std::string previous;  // results_hash() of the file that was replaced; empty: there was none
    std::string version;   // of the program, with its git commit
};

struct Results {
    std::string suite;
    std::string suite_hash;
    nlohmann::json provenance;  // program version, git commit, library versions, seeds, recipe and model hashes
    MachineRecord machine;
    std::vector<StepRecord> steps;
    std::vector<Measure> measures;
    std::vector<BaselineRecord> baseline;  // of files that `bench baseline update` made; else empty
};

inline constexpr std::string_view results_schema = "braggbench-results/1";

// What is wrong with the content, each fault as "place: problem (why). What to do."; empty if nothing is.
std::vector<std::string> results_faults(const Results& results);

// JSON of the schema, keys in a fixed order.
nlohmann::json results_json(const Results& results);
// As it stands in a file: a line for each step and measure.
std::string results_text(const Results& results);
// Throws DataError, naming the file and what is wrong: not JSON, another schema (says which versions are read and how
// to make the file anew), a missing or unknown member, a value that is not finite, an id that occurs twice.
Results read_results(const std::filesystem::path& path);
// Throws DataError, and leaves what was there, where results_faults() finds any.
void write_results(const std::filesystem::path& path, const Results& results);

// A hash of what a file of these results holds, its history of baselines included.
std::string results_hash(const Results& results);

std::string_view name_of(MeasureKind kind);
std::string_view name_of(Better better);

}  // namespace braggbench
