#include "bench/suite/step_cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <system_error>

#include "simulator/atomic_file.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

namespace fs = std::filesystem;

// Written last: an entry without it is not whole. It lists the other files with their sizes.
constexpr const char* contents_file = "contents.json";
constexpr const char* results_file = "results.json";
constexpr const char* format = "braggbench-step/1";

std::string entry_name(const std::string& kind, const std::string& hash) { return kind + "-" + hash; }

nlohmann::json read_contents(const fs::path& entry) {
    std::ifstream file(entry / contents_file, std::ios::binary);
    if (!file) return nullptr;
    auto contents = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
    if (!contents.is_object() || contents.value("format", "") != format) return nullptr;
    return contents;
}

bool is_whole(const fs::path& entry, const nlohmann::json& contents) {
    if (!contents.is_object() || !contents.contains("files")) return false;
    for (const auto& [name, size] : contents.at("files").items()) {
        std::error_code error;
        if (fs::file_size(entry / name, error) != size.get<std::uintmax_t>() || error) return false;
    }
    return true;
}

nlohmann::json files_of(const fs::path& directory) {
    nlohmann::json files = nlohmann::json::object();
    for (const auto& file : fs::directory_iterator(directory)) {
        if (file.is_regular_file()) files[file.path().filename().string()] = file.file_size();
    }
    return files;
}

// Held while it lives; the system lets go of it when the process ends, however it ends.
class FileLock {
public:
    FileLock(const fs::path& path, const std::function<void()>& waiting)
        : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
        if (descriptor_ < 0) fail(path);
        if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
        if (waiting) waiting();
        while (flock(descriptor_, LOCK_EX) != 0) {
            if (errno == EINTR) continue;
            const int error = errno;
            close(descriptor_);
            errno = error;
            fail(path);
        }
    }
    ~FileLock() { close(descriptor_); }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

private:
    [[noreturn]] static void fail(const fs::path& path) {
        throw DataError(fmt::format("{}: cannot be locked ({}). Give a --cache on a disk that can be written.",
                                    path.string(), std::strerror(errno)));
    }
    int descriptor_;
};

}  // namespace

double process_cpu_s() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

StepCache::StepCache(fs::path directory) : directory_(std::move(directory)) {
    std::error_code error;
    fs::create_directories(directory_ / "locks", error);
    if (error) {
        throw DataError(fmt::format("{}: no cache can be kept there ({}). Give another folder with --cache.",
                                    directory_.string(), error.message()));
    }
}

bool StepCache::has(const std::string& kind, const std::string& hash) const { return read(kind, hash).has_value(); }

std::optional<CacheEntry> StepCache::read(const std::string& kind, const std::string& hash) const {
    const fs::path entry = directory_ / entry_name(kind, hash);
    try {
        const auto contents = read_contents(entry);
        if (!is_whole(entry, contents)) return std::nullopt;
        auto results = read_results(entry / results_file);
        if (results.steps.size() != 1) return std::nullopt;
        return CacheEntry{entry,
                          {std::move(results.measures), std::move(results.provenance)},
                          true,
                          results.steps.front().wall_s,
                          results.steps.front().cpu_s};
    } catch (const DataError&) {
        return std::nullopt;
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

CacheEntry StepCache::get(const std::string& kind, const std::string& hash, double work,
                          const std::function<StepResult(const fs::path&)>& make,
                          const std::function<void()>& waiting) {
    if (auto entry = read(kind, hash)) return *std::move(entry);
    const std::string name = entry_name(kind, hash);
    const FileLock lock(directory_ / "locks" / name, waiting);
    if (auto entry = read(kind, hash)) return *std::move(entry);

    const fs::path part = directory_ / (name + ".part");
    fs::create_directories(part);
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = process_cpu_s();
    StepResult result = make(part);
    const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const double cpu_s = process_cpu_s() - cpu_begin;

    Results file;
    file.suite = "step";
    file.provenance = result.provenance;
    file.steps.push_back({"step", kind, hash, false, wall_s, cpu_s});
    file.measures = result.measures;
    for (auto& measure : file.measures) measure.step = "step";
    write_results(part / results_file, file);
    const nlohmann::json contents = {{"format", format}, {"kind", kind}, {"hash", hash},
                                     {"wall_s", wall_s}, {"work", work}, {"files", files_of(part)}};
    replace_file(part / contents_file, contents.dump(2) + "\n");
    const fs::path entry = directory_ / name;
    fs::remove_all(entry);  // a damaged one
    fs::rename(part, entry);
    return {entry, std::move(result), false, wall_s, cpu_s};
}

std::map<std::string, RecordedRate> StepCache::recorded_rates() const {
    std::map<std::string, RecordedRate> rates;
    std::map<std::string, double> work;
    for (const auto& entry : fs::directory_iterator(directory_)) {
        const auto contents = read_contents(entry.path());
        if (!contents.is_object() || !(contents.value("work", 0.0) > 0.0)) continue;
        const std::string kind = contents.value("kind", "");
        auto& rate = rates[kind];
        ++rate.steps;
        rate.seconds += contents.value("wall_s", 0.0);
        for (const auto& size : contents.at("files")) rate.bytes += size.get<double>();
        work[kind] += contents.value("work", 0.0);
    }
    for (auto& [kind, rate] : rates) {
        rate.seconds /= work.at(kind);
        rate.bytes /= work.at(kind);
    }
    return rates;
}

}  // namespace braggbench
