#include "bench/results/baseline.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "simulator/error.hpp"
#include "simulator/version.hpp"

namespace braggbench {

BaselineRecord update_baseline(const std::filesystem::path& baseline, const Results& fresh, const std::string& reason) {
    if (reason.find_first_not_of(" \t\r\n") == std::string::npos) {
        throw UsageError(
            fmt::format("{}: no reason (whoever meets the new baseline must know why it is right). Give --reason "
                        "\"...\".",
                        baseline.string()));
    }
    BaselineRecord record{
        fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                    fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()))),
        reason, "", fmt::format("{} ({})", version(), git_commit())};
    Results updated = fresh;
    updated.baseline.clear();
    if (std::filesystem::exists(baseline)) {
        const Results before = read_results(baseline);
        if (before.suite != fresh.suite) {
            throw UsageError(
                fmt::format("{}: of suite \"{}\", the new results of suite \"{}\" (one cannot stand for the "
                            "other). Name another file.",
                            baseline.string(), before.suite, fresh.suite));
        }
        updated.baseline = before.baseline;
        record.previous = results_hash(before);
    }
    updated.baseline.push_back(record);
    write_results(baseline, updated);
    return record;
}

}  // namespace braggbench
