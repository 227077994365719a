// Points of a space, a row each, and their distances.
#pragma once

#include <Eigen/Core>
#include <string>

namespace braggbench {

using Points = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// From point i to every point. Coordinate by coordinate, not through products: points at the same place are exactly 0
// apart, and d(i, j) is d(j, i) to the last bit.
inline Eigen::ArrayXd squared_distances(const Points& points, Eigen::Index i) {
    return (points.rowwise() - points.row(i)).rowwise().squaredNorm().array();
}

// Throws DataError, calling the points `name`, if a coordinate is NaN or infinite.
void require_finite(const Points& points, const std::string& name);

}  // namespace braggbench
