#include "classifiers/memory.hpp"

#include <ATen/Parallel.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace braggbench {

void prepare_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void prepare_torch(int threads) {
    prepare_memory();
    at::set_num_threads(threads);
}

}  // namespace braggbench
