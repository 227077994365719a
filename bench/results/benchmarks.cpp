#include "bench/results/benchmarks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bench/results/change_test.hpp"
#include "bench/results/json_file.hpp"
#include "classifiers/metric_paired.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

using nlohmann::json;

constexpr std::string_view anew = "Make it anew with `make bench JSON=FILE`.";
constexpr std::string_view calibration = "calibration";

struct Benchmarks {
    json machine;                    // what must be equal for times to be compared
    std::vector<std::string> names;  // in the file's order
    std::map<std::string, std::vector<double>> times_ms;
    std::map<std::string, std::string> failed;
};

double unit_ms(const std::string& unit, const std::string& place) {
    static const std::map<std::string, double> units = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1.0}, {"s", 1e3}};
    const auto found = units.find(unit);
    if (found == units.end()) throw DataError(fmt::format("{}: unknown time_unit \"{}\". {}", place, unit, anew));
    return found->second;
}

Benchmarks read_benchmarks(const std::filesystem::path& path) {
    const json file = read_json_file(path, anew);
    Benchmarks result;
    try {
        for (const char* key : {"num_cpus", "caches", "processor"}) {
            if (file.at("context").contains(key)) result.machine[key] = file.at("context").at(key);
        }
        for (const json& run : file.at("benchmarks")) {
            if (run.value("run_type", "iteration") != "iteration") continue;
            const auto name = run.value("run_name", run.at("name").get<std::string>());
            if (!result.times_ms.contains(name)) result.names.push_back(name);
            auto& times = result.times_ms[name];
            if (run.value("error_occurred", false)) {
                result.failed[name] = run.value("error_message", "an error");
                continue;
            }
            const bool real = name.ends_with("/real_time") || name.ends_with("/manual_time");
            const double time = run.at(real ? "real_time" : "cpu_time").get<double>() *
                                unit_ms(run.value("time_unit", "ns"), path.string() + ": " + name);
            if (!std::isfinite(time) || time <= 0.0) {
                throw DataError(
                    fmt::format("{}: {} took {} ms (a time is above 0). {}", path.string(), name, time, anew));
            }
            times.push_back(time);
        }
    } catch (const json::exception& error) {
        throw DataError(
            fmt::format("{}: not as Google Benchmark writes it ({}). {}", path.string(), error.what(), anew));
    }
    return result;
}

Metric median_of(std::vector<double> times) {
    if (times.empty()) return {};
    std::sort(times.begin(), times.end());
    const std::size_t middle = times.size() / 2;
    return {times.size() % 2 == 1 ? times[middle] : 0.5 * (times[middle - 1] + times[middle]), {}, {}};
}

// Runs while the calibration runs once, of each repeat.
RelativeSpeeds relative_speeds(const Benchmarks& benchmarks, const std::string& name) {
    double unit = 1.0;
    RelativeSpeeds speeds;
    const auto found = benchmarks.times_ms.find(std::string(calibration));
    if (found != benchmarks.times_ms.end() && !found->second.empty()) {
        const auto& times = found->second;
        unit = *std::min_element(times.begin(), times.end());
        double mean = 0.0;
        for (const double time : times) mean += std::log(time) / static_cast<double>(times.size());
        for (const double time : times) speeds.scatter += (std::log(time) - mean) * (std::log(time) - mean);
        speeds.scatter = std::sqrt(speeds.scatter / std::max(1.0, static_cast<double>(times.size()) - 1.0));
    }
    for (const double time : benchmarks.times_ms.at(name)) speeds.repeats.push_back(unit / time);
    return speeds;
}

// The smallest p that the rank sum of so many repeats can have: all of one set beyond all of the other.
double smallest_p(std::size_t first, std::size_t second) {
    return 2.0 *
           std::exp(std::lgamma(static_cast<double>(first) + 1.0) + std::lgamma(static_cast<double>(second) + 1.0) -
                    std::lgamma(static_cast<double>(first + second) + 1.0));
}

TestedChange compare_benchmark(const std::string& name, const Benchmarks& base, const Benchmarks& fresh,
                               bool same_machine, double level) {
    MeasureChange change;
    change.id = name;
    change.kind = MeasureKind::speed;
    change.better = Better::lower;
    change.unit = "ms";
    const auto times_of = [&](const Benchmarks& one) {
        const auto found = one.times_ms.find(name);
        return found == one.times_ms.end() ? std::vector<double>() : found->second;
    };
    const auto before = times_of(base);
    const auto after = times_of(fresh);
    change.base = median_of(before);
    change.fresh = median_of(after);
    change.base_n = static_cast<std::int64_t>(before.size());
    change.fresh_n = static_cast<std::int64_t>(after.size());
    if (before.empty() || after.empty()) {
        const bool in_base = !before.empty();
        const auto& failed = in_base ? fresh.failed : base.failed;
        const auto found = failed.find(name);
        // Other benchmarks may have been asked for, but one that fails now has broken.
        if (in_base && found != failed.end()) change.verdict = Verdict::regression;
        change.why =
            found != failed.end() ? "failed: " + found->second : fmt::format("missing in {}", in_base ? "NEW" : "BASE");
        return {std::move(change), {}};
    }
    if (!same_machine) {
        change.why = "measured on another machine";
        return {std::move(change), {}};
    }
    if (smallest_p(before.size(), after.size()) > level) {
        std::size_t enough = 1;
        while (smallest_p(enough, enough) > level) ++enough;
        change.why = fmt::format("{} and {} repeats cannot be sure enough (--benchmark_repetitions={} can)",
                                 before.size(), after.size(), enough);
        return {std::move(change), {}};
    }
    const RelativeSpeeds of_base = relative_speeds(base, name);
    const RelativeSpeeds of_fresh = relative_speeds(fresh, name);
    TestedChange tested = test_speeds(std::move(change), of_base, of_fresh);
    if (tested.change.p) {
        tested.change.test = "rank sum";
        tested.change.p = std::max(*tested.change.p, rank_sum_p(of_base.repeats, of_fresh.repeats));
    }
    return tested;
}

}  // namespace

bool is_benchmark_file(const std::filesystem::path& path) {
    const json file =
        read_json_file(path, "Name a file of `braggbench bench SUITE -o FILE` or `make bench JSON=FILE`.");
    return file.is_object() && file.contains("context") && file.contains("benchmarks");
}

ResultsComparison compare_benchmarks(const std::filesystem::path& base_path, const std::filesystem::path& fresh_path) {
    const Benchmarks base = read_benchmarks(base_path);
    const Benchmarks fresh = read_benchmarks(fresh_path);
    ResultsComparison result;
    result.title = "benchmarks";
    const bool same_machine = base.machine == fresh.machine;
    if (!same_machine) {
        result.notes.push_back(fmt::format("times are not comparable: BASE ran on {}; NEW on {}", base.machine.dump(),
                                           fresh.machine.dump()));
    }
    std::vector<std::string> names = base.names;
    for (const std::string& name : fresh.names) {
        if (!base.times_ms.contains(name)) names.push_back(name);
    }
    const bool calibrated =
        base.times_ms.contains(std::string(calibration)) && fresh.times_ms.contains(std::string(calibration));
    if (calibrated) {
        std::erase(names, calibration);
    } else {
        result.notes.emplace_back("times as they are: not both files have the benchmark \"calibration\"");
    }
    const double level = false_alarm_rate / static_cast<double>(std::max<std::size_t>(1, names.size()));
    std::vector<TestedChange> changes;
    for (const std::string& name : names) changes.push_back(compare_benchmark(name, base, fresh, same_machine, level));
    judge(changes);
    for (TestedChange& tested : changes) result.changes.push_back(std::move(tested.change));
    return result;
}

}  // namespace braggbench
