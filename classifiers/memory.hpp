// Settings of the process that libtorch's speed depends on; a program calls prepare_torch() once, first thing.
#pragma once

namespace braggbench {

// Keeps freed memory in the process. libtorch allocates every activation anew; glibc returns blocks of that size to the
// system at once, and mapping them again costs as much as the arithmetic (braggbench_micro
// --benchmark_filter=training_step).
void prepare_memory();

// prepare_memory(), and libtorch's threads: Debian's starts with one. Trained weights depend on their number in the
// last bits, nothing else does.
void prepare_torch(int threads);

}  // namespace braggbench
