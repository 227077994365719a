// Principal components, exactly: the eigenvectors of the covariance, or of the points' products with each other where
// those are fewer (Jolliffe 2002, Principal Component Analysis, 2nd ed., section 3.5).
#pragma once

#include <vector>

#include "explain/embedding/points.hpp"

namespace braggbench {

struct Pca {
    Points scores;  // (points, components): coordinates along the axes of largest variance, about the mean
    // Share of the total variance that each component explains; they ascend in sum to 1 if all components are there.
    std::vector<double> explained_variance;
};

// At most max_components; fewer where the points do not span as many. The sign of each component is such that its
// coordinate of largest magnitude (the first of several) is positive. Points that are all the same have no component.
// Throws DataError for coordinates that are not finite, UsageError for fewer than two points.
Pca pca(const Points& points, Eigen::Index max_components);

}  // namespace braggbench
