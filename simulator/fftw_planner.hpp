// The one lock of FFTW's planner, which, unlike execution, is not thread-safe: held while any plan is made or destroyed.
#pragma once

#include <mutex>

namespace braggbench {

inline std::mutex& fftw_planner() {
    static std::mutex planner;
    return planner;
}

}  // namespace braggbench
