// The lock around FFTW's planner, which all plans of the process share: making and destroying plans, unlike executing
// them, is not thread-safe.
#pragma once

#include <mutex>

namespace braggbench {

inline std::mutex& fftw_planner() {
    static std::mutex mutex;
    return mutex;
}

}  // namespace braggbench
