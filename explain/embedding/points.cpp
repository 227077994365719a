#include "explain/embedding/points.hpp"

#include <fmt/format.h>

#include <cmath>

#include "simulator/error.hpp"

namespace braggbench {

void require_finite(const Points& points, const std::string& name) {
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
        for (Eigen::Index d = 0; d < points.cols(); ++d) {
            if (std::isfinite(points(i, d))) continue;
            throw DataError(
                fmt::format("{}: coordinate {} of point {} is {} (distances to it are undefined). Leave the point out.",
                            name, d, i, points(i, d)));
        }
    }
}

}  // namespace braggbench
