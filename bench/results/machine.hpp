// What a run was measured on, and how fast that machine is at a fixed piece of work, so that speeds can be compared.
#pragma once

#include "bench/results/results.hpp"

namespace braggbench {

// The least time of several repeats of a kernel on one core: multiply-adds on numbers in the first-level cache, then
// reads at places of 32 MiB that no cache foresees, about as much time each and together about 0.1 s.
double calibration_ms();

// `threads` as the run uses them. Takes about a second, for the calibration.
MachineRecord this_machine(int threads);

}  // namespace braggbench
