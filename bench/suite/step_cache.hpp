// Results of steps on disk, each under a hash of everything that decides it: a folder with its files, there whole or
// not at all. Several programs may share one cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/results/results.hpp"

namespace braggbench {

// What a step came to. Ids of measures are without the step's name, which is no part of what decides them.
struct StepResult {
    std::vector<Measure> measures;
    nlohmann::json provenance = nlohmann::json::object();
};

struct CacheEntry {
    std::filesystem::path directory;  // its files
    StepResult result;
    bool cached = false;  // it was there
    double wall_s = 0.0;  // of the run that made it
    double cpu_s = 0.0;
};

// What the steps of one kind took so far, for a unit of their work.
struct RecordedRate {
    int steps = 0;
    double seconds = 0.0;
    double bytes = 0.0;  // on disk
};

class StepCache {
public:
    // Throws DataError if the folder cannot be made.
    explicit StepCache(std::filesystem::path directory);

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
    [[nodiscard]] bool has(const std::string& kind, const std::string& hash) const;

    // The entry, made by make(folder) if it is not there. The folder is the same for every try, and what a killed one
    // left in it is still there, so that a long step can go on. While another program makes the same entry this one
    // waits for it, after a call of waiting(); if the other fails or dies, this one makes it. A damaged entry is made
    // anew. `work` is how much there is to do, in the kind's own unit, for recorded_rates().
    CacheEntry get(const std::string& kind, const std::string& hash, double work,
                   const std::function<StepResult(const std::filesystem::path&)>& make,
                   const std::function<void()>& waiting);

    [[nodiscard]] std::map<std::string, RecordedRate> recorded_rates() const;

private:
    [[nodiscard]] std::optional<CacheEntry> read(const std::string& kind, const std::string& hash) const;

    std::filesystem::path directory_;
};

// Processor seconds of this process so far, all threads together.
double process_cpu_s();

}  // namespace braggbench
