// Who is near whom in a space, and whether a picture of it keeps that.
#pragma once

#include <cstdint>
#include <vector>

#include "explain/embedding/points.hpp"

namespace braggbench {

// The k points nearest to one, itself apart. Where several are as far as the k-th, all of them are here: which of them
// are meant is a matter of chance, and scores average over it.
struct Neighbours {
    std::vector<std::uint32_t> nearer;  // than the k-th; ascending in distance, then index
    std::vector<std::uint32_t> tied;    // as far as the k-th; ascending
};

// By Euclidean distance, one per point. Throws UsageError unless 1 <= k < points, DataError for coordinates that are
// not finite. The result does not depend on `threads` (0 = one per core).
std::vector<Neighbours> nearest_neighbours(const Points& points, int k, unsigned threads = 0);

// 1 - (2 / (n k (2 n - 3 k - 1))) sum over points, and over their k nearest neighbours in `low`, of how far beyond k
// the neighbour's rank in `high` is (Venna & Kaski 2001, ICANN, LNCS 2130, 485): 1 if no picture neighbour is an
// intruder. Points tied in `high` have the best rank of the tie; neighbours tied in `low` are averaged over. Throws
// UsageError unless both hold the same points and 1 <= k < points / 2.
double trustworthiness(const Points& high, const Points& low, int k, unsigned threads = 0);

}  // namespace braggbench
