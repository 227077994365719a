// What a run was measured on, and how fast that machine is at a fixed piece of work, so that speeds can be compared.
#pragma once

#include "bench/results/results.hpp"

namespace braggbench {

// A fixed piece of work on one core: multiply-adds on numbers in registers, then reads at places of 32 MiB that no
// cache foresees, about as much time each and together about 0.1 s.
class CalibrationKernel {
public:
    CalibrationKernel();
    double run() const;  // a number that depends on all of it

private:
    std::vector<std::uint32_t> table_;
};

struct Calibration {
    double least_ms = 0.0;
    double scatter = 0.0;  // standard deviation of the logarithm of the times
};
// Of several repeats of it, together about a second.
Calibration calibrate();

// `threads` as the run uses them. Takes about a second, for the calibration.
MachineRecord this_machine(int threads);

}  // namespace braggbench
