// Runs independent pieces of work on all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace braggbench {

// Calls work(i) once for each i in [0, count), from up to `threads` threads (0 = one per core). The first exception is
// rethrown after all threads have stopped. `work` must write only to places of its own i.
inline void for_each_index(std::int64_t count, const std::function<void(std::int64_t)>& work, unsigned threads = 0) {
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    std::atomic<std::int64_t> next = 0;
    std::exception_ptr failure;
    std::mutex failure_mutex;
    const auto loop = [&] {
        for (std::int64_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                const std::scoped_lock lock(failure_mutex);
                if (!failure) failure = std::current_exception();
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> others;
        for (unsigned t = 1; t < threads && static_cast<std::int64_t>(t) < count; ++t) others.emplace_back(loop);
        loop();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace braggbench
