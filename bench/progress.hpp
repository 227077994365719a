// Progress of a long job on standard error: a bar with rate and time left on a terminal, a plain line now and then
// elsewhere, nothing with --quiet.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace braggbench {

class Progress {
public:
    // `unit` is what is counted, in the plural ("images").
    Progress(std::string task, std::string unit, bool quiet);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // So many were done before this job began: they do not count in its rate.
    void resume_from(std::int64_t done) { done_before_ = done; }
    void update(std::int64_t done, std::int64_t total);
    // A line of its own above the bar.
    void note(const std::string& line);

private:
    void draw(std::int64_t done, std::int64_t total, double elapsed_s);

    std::string task_;
    std::string unit_;
    bool quiet_;
    bool terminal_;
    bool drawn_ = false;
    std::int64_t done_before_ = 0;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point last_;
};

}  // namespace braggbench
