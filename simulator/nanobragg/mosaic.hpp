// nanoBragg's own random mosaic blocks, number for number, so that old results can be had again.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <vector>

namespace braggbench::nanobragg {

// The "minimal standard" generator (Park & Miller 1988, Comm. ACM 31, 1192) with a table of 32 numbers that is shuffled
// (Bays & Durham 1976, ACM TOMS 2, 59), in single precision: what nanoBragg draws its blocks with.
class ShuffledMinimalStandard {
public:
    explicit ShuffledMinimalStandard(std::int64_t seed);
    float operator()();  // in (0, 1)

private:
    std::int64_t next();

    std::int64_t state_;
    std::int64_t chosen_ = 0;
    std::array<std::int64_t, 32> table_{};
};

// A rotation about a random axis by spread (1 - u^2)^(1/3), u uniform in (-1, 1).
Eigen::Matrix3d random_block(double spread_rad, ShuffledMinimalStandard& random);

// `count` blocks of which the first is the identity.
std::vector<Eigen::Matrix3d> random_blocks(double spread_rad, int count, std::int64_t seed);

}  // namespace braggbench::nanobragg
