// Runs a suite's steps in order, each from the cache if what decides it is unchanged, and gathers one file of results.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/results/results.hpp"
#include "bench/suite/suite.hpp"

namespace braggbench {

struct SuiteOptions {
    std::filesystem::path cache;
    MachineRecord machine;  // this one, with the threads to use (bench/results/machine.hpp)
};

// `bench` in cache_directory().
std::filesystem::path default_suite_cache();

// A step before it is run.
struct PlannedStep {
    std::string name;
    std::string kind;
    std::string hash;     // of everything that decides its result
    bool cached = false;  // its result is there already
    double work = 0.0;    // in the kind's own unit
    // By the mean rates of the steps of this kind in the cache; absent where it has none, or has this very one.
    std::optional<double> estimated_s;
    std::optional<double> estimated_mib;  // on disk
    int recorded_steps = 0;               // that both rest on
};

std::vector<PlannedStep> plan_suite(const Suite& suite, const SuiteOptions& options);

struct SuiteCalls {
    // Before each step, with those to come (itself first).
    std::function<void(const std::vector<PlannedStep>& steps, std::size_t index)> on_step;
    std::function<void(std::int64_t done, std::int64_t total)> progress;  // of that step
    std::function<void(const StepRecord&)> on_done;
    std::function<void(const std::string&)> note;
};

// Throws what the steps throw, after which another run goes on where this one was.
Results run_suite(const Suite& suite, const SuiteOptions& options, const SuiteCalls& calls);

}  // namespace braggbench
