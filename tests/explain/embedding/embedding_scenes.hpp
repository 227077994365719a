// Points whose structure is known.
#pragma once

#include "explain/embedding/points.hpp"
#include "simulator/random.hpp"

namespace braggbench::test {

inline Points normal_points(Eigen::Index count, Eigen::Index dimensions, std::uint64_t seed) {
    RandomStream random(seed, 0, Stage::scene);
    Points points(count, dimensions);
    for (Eigen::Index i = 0; i < points.size(); ++i) points.data()[i] = random.normal();
    return points;
}

// Point i belongs to cluster i % clusters, of deviation 1, their centres `distance` along axes of their own.
inline Points clusters(Eigen::Index count, Eigen::Index dimensions, int clusters, double distance) {
    Points points = normal_points(count, dimensions, 5);
    for (Eigen::Index i = 0; i < count; ++i) points(i, i % clusters) += distance;
    return points;
}

}  // namespace braggbench::test
