#include "classifiers/memory.hpp"

#include <ATen/Parallel.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <thread>

namespace braggbench {

void prepare_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void prepare_torch() {
    prepare_memory();
    at::set_num_threads(static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
}

}  // namespace braggbench
