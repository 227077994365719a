// The probabilities that t-SNE tries to keep: how readily each point would choose each other one as its neighbour.
#pragma once

#include "explain/embedding/points.hpp"

namespace braggbench {

struct Affinities {
    // (points, points): symmetric, 0 on the diagonal, adding up to 1.
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> joint;
    // Points with so many others at the distance of the nearest that no Gaussian is as narrow as the perplexity asks:
    // those share all their probability evenly.
    Eigen::Index crowded_points = 0;
};

struct Neighbourhood {
    Eigen::ArrayXd probability;  // of each point to be chosen; 0 for the point itself
    bool crowded = false;
};

// A Gaussian about point `self` whose entropy is ln(perplexity) to 1e-7, its width found by bisection (van der Maaten &
// Hinton 2008, JMLR 9, 2579, equation 1). `squared` holds the squared distances from it to every point.
Neighbourhood calibrated(const Eigen::ArrayXd& squared, Eigen::Index self, double perplexity);

// p_ij = (p_j|i + p_i|j) / (2 n). Throws UsageError unless 1 < perplexity and 3 perplexity < points, DataError for
// coordinates that are not finite. The result does not depend on `threads` (0 = one per core).
Affinities affinities(const Points& points, double perplexity, unsigned threads = 0);

}  // namespace braggbench
