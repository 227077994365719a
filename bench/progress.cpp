#include "bench/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace braggbench {

namespace {

constexpr double terminal_interval_s = 0.1;
constexpr double plain_interval_s = 15.0;

std::string duration(double seconds) {
    const auto s = static_cast<long>(seconds + 0.5);
    if (s >= 3600) return fmt::format("{}h{:02d}m", s / 3600, s % 3600 / 60);
    return s >= 60 ? fmt::format("{}m{:02d}s", s / 60, s % 60) : fmt::format("{}s", s);
}

}  // namespace

Progress::Progress(std::string task, std::string unit, bool quiet)
    : task_(std::move(task)),
      unit_(std::move(unit)),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
    if (drawn_ && terminal_) std::fputc('\n', stderr);
}

void Progress::update(std::int64_t done, std::int64_t total) {
    if (quiet_) return;
    const auto now = std::chrono::steady_clock::now();
    const double since_last_s = std::chrono::duration<double>(now - last_).count();
    if (done < total && since_last_s < (terminal_ ? terminal_interval_s : plain_interval_s)) return;
    last_ = now;
    draw(done, total, std::chrono::duration<double>(now - start_).count());
}

void Progress::note(const std::string& line) {
    if (quiet_) return;
    if (terminal_ && drawn_) std::fputs("\r\033[K", stderr);
    fmt::print(stderr, "{}\n", line);
}

void Progress::draw(std::int64_t done, std::int64_t total, double elapsed_s) {
    const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
    const double rate = elapsed_s > 0 ? static_cast<double>(done - done_before_) / elapsed_s : 0.0;
    const double left_s = rate > 0 ? static_cast<double>(total - done) / rate : 0.0;
    const std::string tail = done < total ? duration(left_s) + " left" : "in " + duration(elapsed_s);
    const std::string text = fmt::format("{}/{} {}, {:.1f}/s, {}", done, total, unit_, rate, tail);
    if (terminal_) {
        constexpr int width = 28;
        const auto filled = std::clamp(static_cast<int>(share * width + 0.5), 0, width);
        fmt::print(stderr, "\r\033[K{} [{:#<{}}{:<{}}] {}", task_, "", filled, "", width - filled, text);
        std::fflush(stderr);
    } else {
        fmt::print(stderr, "{}: {}\n", task_, text);
    }
    drawn_ = true;
}

}  // namespace braggbench
