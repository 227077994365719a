#include "explain/embedding/pca.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "simulator/error.hpp"
#include "tests/explain/embedding/embedding_scenes.hpp"

namespace braggbench {
namespace {

TEST(Pca, FindsTheAxesOfAnEllipse) {
    // Along (3, 4) / 5 variance 100 / 4, across it 1 / 4 per point.
    Points points(4, 2);
    points << 6, 8, -6, -8, -0.8, 0.6, 0.8, -0.6;
    points.rowwise() += Eigen::RowVector2d(7.0, -2.0);
    const auto result = pca(points, 5);
    ASSERT_EQ(result.scores.cols(), 2);
    EXPECT_NEAR(result.explained_variance[0], 100.0 / 101.0, 1e-12);
    EXPECT_NEAR(result.explained_variance[1], 1.0 / 101.0, 1e-12);
    EXPECT_NEAR(result.scores(0, 0), 10.0, 1e-12);  // the first of the two largest is positive
    EXPECT_NEAR(result.scores(1, 0), -10.0, 1e-12);
    EXPECT_NEAR(result.scores(2, 1), 1.0, 1e-12);
    EXPECT_NEAR(result.scores(2, 0), 0.0, 1e-12);
}

// More coordinates than points: the products of the points give the same as the covariance.
TEST(Pca, BothWaysAgree) {
    const auto points = test::normal_points(12, 7, 1);
    Points wide = Points::Zero(12, 20);
    wide.leftCols(7) = points;
    const auto by_covariance = pca(points, 50);
    const auto by_products = pca(wide, 50);
    ASSERT_EQ(by_covariance.scores.cols(), 7);
    ASSERT_EQ(by_products.scores.cols(), 7);
    EXPECT_TRUE(by_covariance.scores.isApprox(by_products.scores, 1e-9));
    EXPECT_NEAR(std::accumulate(by_products.explained_variance.begin(), by_products.explained_variance.end(), 0.0), 1.0,
                1e-12);
    // Distances stay when nothing is left out.
    EXPECT_NEAR((points.row(2) - points.row(9)).norm(), (by_products.scores.row(2) - by_products.scores.row(9)).norm(),
                1e-9);
    EXPECT_EQ(pca(points, 3).scores.cols(), 3);
}

TEST(Pca, OfOnePlaceHasNoComponents) {
    Points same(3, 2);
    same << 0.1, 0.7, 0.1, 0.7, 0.1, 0.7;
    EXPECT_EQ(pca(same, 2).scores.cols(), 0);
    EXPECT_EQ(pca(same, 2).scores.rows(), 3);
    EXPECT_THROW(pca(same.topRows(1), 2), UsageError);
    same(1, 1) = std::nan("");
    EXPECT_THROW(pca(same, 2), DataError);
}

}  // namespace
}  // namespace braggbench
