// Exact t-SNE (van der Maaten & Hinton 2008, JMLR 9, 2579): a plane picture in which near points stay near. Every pair
// of points takes part in every step. Distances between far points of the picture mean nothing.
#pragma once

#include <cstdint>
#include <functional>

#include "explain/embedding/affinities.hpp"
#include "explain/embedding/points.hpp"

namespace braggbench {

// Steps by gradient descent with momentum 0.5, later 0.8, and a gain per coordinate (+0.2, x 0.8, not below 0.01;
// Jacobs 1988). Learning rate max(n / 12 / 4, 50) (Belkina et al. 2019, Nat. Commun. 10, 5415). Attraction is
// exaggerated twelvefold in the first quarter.
struct TsneOptions {
    double perplexity = 30.0;
    int iterations = 1000;
    // Points start at their first two principal components, scaled to a deviation of 1e-4 of the first (Kobak & Berens
    // 2019, Nat. Commun. 10, 5416), and a hundredth of that at random, so that points at the same place come apart.
    std::uint64_t seed = 1;
    unsigned threads = 0;  // 0 = one per core; the result does not depend on it
};

struct Tsne {
    Points places;  // (points, 2), about 0
    double kl_divergence = 0.0;
    double learning_rate = 0.0;
    int iterations = 0;  // fewer than asked for if it was cancelled
    Eigen::Index crowded_points = 0;
};

// Of the first 50 principal components (all, if there are no more). `progress(done, total)`, called after every
// iteration, returns whether to go on. Throws as affinities() and pca() do.
Tsne tsne(const Points& points, const TsneOptions& options, const std::function<bool(int, int)>& progress = {});

// sum of p ln(p / q), q_ij being (1 + |y_i - y_j|^2)^-1 over its sum over all pairs.
double kl_divergence(const Affinities& affinities, const Points& places, unsigned threads = 0);

// Of the divergence by the places, (points, 2), with all p multiplied by `exaggeration`; single precision.
Points kl_gradient(const Affinities& affinities, const Points& places, double exaggeration = 1.0, unsigned threads = 0);

}  // namespace braggbench
