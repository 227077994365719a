#include "explain/embedding/tsne.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "simulator/error.hpp"
#include "tests/explain/embedding/embedding_scenes.hpp"

namespace braggbench {
namespace {

double perplexity_of(const Eigen::ArrayXd& probability) {
    double entropy = 0.0;
    for (const double p : probability) {
        if (p > 0.0) entropy -= p * std::log(p);
    }
    return std::exp(entropy);
}

TEST(Affinities, RowsHaveThePerplexity) {
    auto points = test::normal_points(200, 5, 1);
    points.topRows(100) *= 1e-4;  // a dense part and a thin one
    for (const double perplexity : {2.0, 30.0, 66.0}) {
        for (const Eigen::Index i : {0, 99, 100, 199}) {
            const auto row = calibrated(squared_distances(points, i), i, perplexity);
            EXPECT_NEAR(perplexity_of(row.probability), perplexity, 1e-4 * perplexity);
            EXPECT_NEAR(row.probability.sum(), 1.0, 1e-12);
            EXPECT_EQ(row.probability[i], 0.0);
            EXPECT_FALSE(row.crowded);
        }
    }
}

TEST(Affinities, AreSymmetricAndAddUpToOne) {
    const auto points = test::normal_points(150, 4, 1);  // not a multiple of any tile
    const auto found = affinities(points, 12.0, 2);
    EXPECT_NEAR(found.joint.cast<double>().sum(), 1.0, 1e-6);
    EXPECT_TRUE(found.joint == found.joint.transpose());
    const auto p_3_of_140 = calibrated(squared_distances(points, 140), 140, 12.0).probability[3];
    const auto p_140_of_3 = calibrated(squared_distances(points, 3), 3, 12.0).probability[140];
    EXPECT_NEAR(static_cast<double>(found.joint(3, 140)), (p_3_of_140 + p_140_of_3) / 300.0, 1e-9);
    EXPECT_EQ(found.crowded_points, 0);
    EXPECT_TRUE(found.joint == affinities(points, 12.0, 1).joint);
}

TEST(Affinities, OfDuplicatesAreEven) {
    Points points = Points::Zero(40, 2);
    points.bottomRows(20).setConstant(3.0);
    const auto found = affinities(points, 5.0);
    EXPECT_EQ(found.crowded_points, 40);
    EXPECT_NEAR(static_cast<double>(found.joint(0, 1)), 1.0 / (40.0 * 19.0), 1e-9);
    EXPECT_EQ(found.joint(0, 30), 0.0F);
    EXPECT_THROW(affinities(points, 14.0), UsageError);
    EXPECT_THROW(affinities(points, 1.0), UsageError);
    points(3, 1) = std::nan("");
    EXPECT_THROW(affinities(points, 5.0), DataError);
}

TEST(KlGradient, IsTheDerivative) {
    const auto near = affinities(test::normal_points(8, 3, 1), 2.5);
    const auto places = test::normal_points(8, 2, 2);
    const auto gradient = kl_gradient(near, places);
    constexpr double step = 1e-5;
    for (Eigen::Index i = 0; i < 8; ++i) {
        for (Eigen::Index d = 0; d < 2; ++d) {
            Points above = places;
            Points below = places;
            above(i, d) += step;
            below(i, d) -= step;
            const double difference = (kl_divergence(near, above) - kl_divergence(near, below)) / (2.0 * step);
            EXPECT_NEAR(gradient(i, d), difference, 2e-6) << i << ' ' << d;
            EXPECT_GT(std::abs(gradient(i, d)), 1e-4);
        }
    }
    // Attraction alone is multiplied.
    auto twice = near;
    twice.joint *= 2.0F;
    EXPECT_TRUE(kl_gradient(near, places, 2.0).isApprox(kl_gradient(twice, places), 1e-6));
}

TEST(KlDivergence, IsItsDefinition) {
    const auto near = affinities(test::normal_points(10, 3, 1), 3.0);
    const auto places = test::normal_points(10, 2, 2);
    const auto kernel = [&](Eigen::Index i, Eigen::Index j) {
        return 1.0 / (1.0 + (places.row(i) - places.row(j)).squaredNorm());
    };
    double sum = 0.0;
    for (Eigen::Index i = 0; i < 10; ++i) {
        for (Eigen::Index j = 0; j < 10; ++j) sum += i == j ? 0.0 : kernel(i, j);
    }
    double expected = 0.0;
    for (Eigen::Index i = 0; i < 10; ++i) {
        for (Eigen::Index j = 0; j < 10; ++j) {
            const auto p = static_cast<double>(near.joint(i, j));
            if (i != j) expected += p * std::log(p / (kernel(i, j) / sum));
        }
    }
    EXPECT_NEAR(kl_divergence(near, places), expected, 1e-6);
}

TEST(Tsne, KeepsClustersApart) {
    constexpr Eigen::Index count = 240;
    const auto result = tsne(test::clusters(count, 60, 3, 12.0), {.perplexity = 20.0, .iterations = 500});
    // Every point is nearer to all of its own cluster than to any of another.
    for (Eigen::Index i = 0; i < count; ++i) {
        const auto distances = squared_distances(result.places, i);
        double own = 0.0;
        double other = 1e30;
        for (Eigen::Index j = 0; j < count; ++j) {
            if (i % 3 == j % 3) {
                own = std::max(own, distances[j]);
            } else {
                other = std::min(other, distances[j]);
            }
        }
        ASSERT_LT(own, other) << i;
    }
    EXPECT_GT(result.kl_divergence, 0.0);
    EXPECT_LT(result.kl_divergence, 1.0);
    EXPECT_EQ(result.iterations, 500);
    EXPECT_EQ(result.learning_rate, 50.0);
    EXPECT_NEAR(result.places.colwise().mean().norm(), 0.0, 1e-9);
}

TEST(Tsne, DoesNotDependOnThreadsButOnTheSeed) {
    const auto points = test::normal_points(130, 8, 1);
    const auto one = tsne(points, {.perplexity = 10.0, .iterations = 60, .threads = 1});
    const auto three = tsne(points, {.perplexity = 10.0, .iterations = 60, .threads = 3});
    const auto other = tsne(points, {.perplexity = 10.0, .iterations = 60, .seed = 2, .threads = 1});
    EXPECT_TRUE(one.places == three.places);
    EXPECT_EQ(one.kl_divergence, three.kl_divergence);
    EXPECT_FALSE(one.places == other.places);
}

TEST(Tsne, SeparatesDuplicates) {
    Points points = Points::Zero(60, 2);
    points.bottomRows(30).setConstant(1.0);
    const auto result = tsne(points, {.perplexity = 5.0, .iterations = 300});
    EXPECT_TRUE(result.places.allFinite());
    EXPECT_EQ(result.crowded_points, 60);
    EXPECT_GT((result.places.row(0) - result.places.row(1)).norm(), 1e-3);
}

TEST(Tsne, CanBeCancelled) {
    int calls = 0;
    const auto result = tsne(test::normal_points(50, 3, 1), {.perplexity = 5.0}, [&](int done, int total) {
        EXPECT_EQ(done, ++calls);
        EXPECT_EQ(total, 1000);
        return done < 7;
    });
    EXPECT_EQ(result.iterations, 7);
    EXPECT_EQ(calls, 7);
    EXPECT_TRUE(result.places.allFinite());
}

}  // namespace
}  // namespace braggbench
