#include "explain/embedding/neighbours.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "explain/embedding/purity.hpp"
#include "simulator/error.hpp"
#include "tests/explain/embedding/embedding_scenes.hpp"

namespace braggbench {
namespace {

Points on_a_line(const std::vector<double>& places) {
    return Eigen::Map<const Points>(places.data(), static_cast<Eigen::Index>(places.size()), 1);
}

TEST(NearestNeighbours, AreInOrderWithTiesApart) {
    const auto found = nearest_neighbours(on_a_line({0, 1, -1, 3, 10}), 2);
    EXPECT_EQ(found[0].nearer, std::vector<std::uint32_t>());
    EXPECT_EQ(found[0].tied, (std::vector<std::uint32_t>{1, 2}));  // both at 1
    EXPECT_EQ(found[1].nearer, (std::vector<std::uint32_t>{0}));
    EXPECT_EQ(found[1].tied, (std::vector<std::uint32_t>{2, 3}));  // one of the two at 2 is meant
    EXPECT_EQ(found[4].nearer, (std::vector<std::uint32_t>{3}));
    EXPECT_EQ(found[4].tied, (std::vector<std::uint32_t>{1}));
    EXPECT_THROW(nearest_neighbours(on_a_line({0, 1, 2}), 3), UsageError);
    EXPECT_THROW(nearest_neighbours(on_a_line({0, 1, 2}), 0), UsageError);
}

// As it is defined: ranks by sorting all distances.
double sorted_trustworthiness(const Points& high, const Points& low, int k) {
    const auto n = high.rows();
    const auto order = [&](const Points& points, Eigen::Index i) {
        std::vector<Eigen::Index> others;
        for (Eigen::Index j = 0; j < n; ++j) {
            if (j != i) others.push_back(j);
        }
        std::ranges::sort(others, {}, [&](Eigen::Index j) { return (points.row(i) - points.row(j)).norm(); });
        return others;
    };
    double penalty = 0.0;
    for (Eigen::Index i = 0; i < n; ++i) {
        const auto true_order = order(high, i);
        const auto picture_order = order(low, i);
        for (int m = 0; m < k; ++m) {
            const auto found = std::ranges::find(true_order, picture_order[static_cast<std::size_t>(m)]);
            penalty += std::max<double>(static_cast<double>(found - true_order.begin()) + 1 - k, 0);
        }
    }
    const auto count = static_cast<double>(n);
    return 1.0 - 2.0 * penalty / (count * k * (2.0 * count - 3.0 * k - 1.0));
}

TEST(Trustworthiness, IsItsDefinition) {
    const auto high = test::normal_points(60, 6, 1);
    const Points flattened = high.leftCols(2);
    for (const int k : {1, 5, 29}) {
        const double score = trustworthiness(high, flattened, k, 3);
        EXPECT_NEAR(score, sorted_trustworthiness(high, flattened, k), 1e-12);
        EXPECT_LT(score, 1.0);
        EXPECT_EQ(trustworthiness(high, high, k), 1.0);
    }
    EXPECT_THROW(trustworthiness(high, flattened, 30), UsageError);
    EXPECT_THROW(trustworthiness(high, flattened.topRows(59), 5), UsageError);
}

// Points at the same place in `high` are no intruders, whichever of them the picture puts nearest.
TEST(Trustworthiness, DoesNotRankDuplicates) {
    std::vector<double> places(30, 0.0);
    std::fill(places.begin() + 15, places.end(), 1.0);
    const auto high = on_a_line(places);
    for (std::size_t i = 0; i < places.size(); ++i) places[i] += 0.01 * static_cast<double>(i * i);
    EXPECT_EQ(trustworthiness(high, on_a_line({places.begin(), places.end()}), 1), 1.0);
}

std::vector<std::optional<bool>> labels(const std::string& text) {
    std::vector<std::optional<bool>> result;
    for (const char c : text) result.push_back(c == '?' ? std::nullopt : std::optional(c == '1'));
    return result;
}

TEST(ClusterPurity, IsTheShareOfNeighboursBesideItsChance) {
    //                                  0  1  2  3   4   5
    const auto points = on_a_line({0, 1, 3, 20, 21, 23});
    const auto neighbours = nearest_neighbours(points, 2);
    const auto pure = cluster_purity(neighbours, 2, labels("111000"), 1);
    EXPECT_EQ(pure.value, 1.0);
    EXPECT_NEAR(pure.chance.value(), 2.0 / 5.0, 1e-12);
    EXPECT_FALSE(pure.ci95);  // resampling ones gives ones
    // Of 0, 1 and 3: point 0 has 1 of (1, 2), point 1 has 1 of (0, 2), point 3 has none of (4, 5).
    const auto mixed = cluster_purity(neighbours, 2, labels("110100"), 1);
    EXPECT_NEAR(mixed.value.value(), (0.5 + 0.5 + 0.0) / 3.0, 1e-12);
    EXPECT_TRUE(mixed.ci95);
    // What is not known of 2 does not count: point 0 has 1 of 1, point 1 has 1 of 1.
    const auto unknown = cluster_purity(neighbours, 2, labels("11?000"), 1);
    EXPECT_EQ(unknown.value, 1.0);
    EXPECT_NEAR(unknown.chance.value(), 1.0 / 4.0, 1e-12);
    EXPECT_FALSE(cluster_purity(neighbours, 2, labels("100000"), 1).value);
    EXPECT_THROW(cluster_purity(neighbours, 2, labels("1100"), 1), UsageError);
}

TEST(ClusterPurity, AveragesOverTies) {
    // Point 0's one neighbour is 1 or 2, at the same distance; that of 1 and 2 is 0.
    const auto neighbours = nearest_neighbours(on_a_line({0, 1, -1, 50}), 1);
    EXPECT_NEAR(cluster_purity(neighbours, 1, labels("1100"), 1).value.value(), (0.5 + 1.0) / 2.0, 1e-12);
}

TEST(ClusterPurity, OfLabelsByLotIsChance) {
    const auto points = test::normal_points(400, 3, 2);
    const auto neighbours = nearest_neighbours(points, 10);
    RandomStream random(4, 0, Stage::labels);
    std::vector<std::optional<bool>> has(400);
    for (auto& each : has) each = random.uniform() < 0.3;
    const auto purity = cluster_purity(neighbours, 10, has, 1);
    // 120 points x 10 neighbours, hardly dependent on each other: a deviation of about 0.013.
    EXPECT_NEAR(purity.value.value(), purity.chance.value(), 0.06);
}

}  // namespace
}  // namespace braggbench
