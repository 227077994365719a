// Settings of the process that libtorch's speed depends on; a program calls prepare_torch() once, first thing.
#pragma once

namespace braggbench {

// Keeps freed memory in the process. libtorch allocates every activation anew; glibc returns blocks of that size to the
// system at once, and mapping them again costs as much as the arithmetic (braggbench_micro
// --benchmark_filter=training_step).
void prepare_memory();

// prepare_memory(), and as many threads as the machine has: Debian's libtorch starts with one.
void prepare_torch();

}  // namespace braggbench
