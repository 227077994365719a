#include "explain/inside/map_census.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "simulator/error.hpp"
#include "simulator/random.hpp"

namespace braggbench {
namespace {

using Indices = std::vector<std::int64_t>;

// Six maps of 4 units: live, dead, constant, the same for every image, dead but for one image, not finite.
std::vector<float> six_maps(std::uint64_t image) {
    RandomStream random(3, image, Stage::scene);
    std::vector<float> values;
    for (int i = 0; i < 4; ++i) values.push_back(static_cast<float>(random.uniform()));
    values.insert(values.end(), {0.0F, 0.0F, -1e-9F, 0.0F});
    values.insert(values.end(), {7.5F, 7.5F, 7.5F, 7.5F});
    values.insert(values.end(), {0.0F, 1.0F, 0.0F, 3.0F});
    values.insert(values.end(), {0.0F, 0.0F, image == 9 ? 2.0F : 0.0F, 0.0F});
    values.insert(values.end(), {0.0F, image == 4 ? std::numeric_limits<float>::quiet_NaN() : 1.0F, 0.0F, 0.0F});
    return values;
}

TEST(MapCensus, FindsWhatIsPlanted) {
    MapCensus census(6, 4, {"even", "odd"}, 1e-6);
    for (std::uint64_t image = 0; image < 20; ++image) {
        const std::vector<std::size_t> group = {image % 2};
        census.add(six_maps(image), group);
    }
    EXPECT_EQ(census.images(), 20);
    EXPECT_EQ(census.dead(), Indices{1});
    EXPECT_EQ(census.constant(), Indices{2});
    EXPECT_EQ(census.blind(), Indices{3});
    EXPECT_EQ(census.non_finite(), Indices{5});

    const auto json = census.json(1);
    EXPECT_EQ(json.at("maps"), 6);
    // The upper end of Wilson's interval of 0 in 20: z^2 / (n + z^2).
    EXPECT_NEAR(json.at("dead_at_most").get<double>(), 3.8415 / 23.8415, 1e-4);
    const auto& groups = json.at("groups");
    ASSERT_EQ(groups.size(), 2U);
    // Of 6 maps two are empty, but for image 9 one.
    EXPECT_NEAR(groups[0].at("empty_maps").at("value").get<double>(), 2.0 / 6.0, 1e-12);
    EXPECT_NEAR(groups[1].at("empty_maps").at("value").get<double>(), (9 * 2.0 + 1.0) / 60.0, 1e-12);
    EXPECT_TRUE(groups[1].at("empty_maps").at("ci95").is_array());
}

TEST(MapCensus, ADeadMapIsDeadUnderTheLastOfItsImages) {
    MapCensus census(6, 4, {"all"}, 1e-6);
    const std::vector<std::size_t> group = {0};
    for (std::uint64_t image = 0; image < 9; ++image) census.add(six_maps(image), group);
    EXPECT_EQ(census.dead(), (Indices{1, 4}));
    census.add(six_maps(9), group);
    EXPECT_EQ(census.dead(), Indices{1});
}

TEST(MapCensus, HistogramsHoldEveryUnitOnce) {
    MapCensus census(1, 8, {"all"}, 0.0);
    const std::vector<std::size_t> group = {0};
    const std::vector<float> values = {0.0F, 1.0F, 1.49F, -1.5F, 3.0F, 1e30F, 1e-30F, 0.0F};
    census.add(values, group);
    const auto json = census.json(1).at("groups")[0];
    const auto shares = json.at("shares").get<std::vector<double>>();
    const std::vector<double> edges = census_bin_edges();
    ASSERT_EQ(edges.size(), shares.size() + 1);
    const auto share_at = [&](double value) {
        std::size_t bin = 0;
        while (bin + 2 < edges.size() && edges[bin + 1] <= value) ++bin;
        return shares[bin];
    };
    EXPECT_DOUBLE_EQ(share_at(1.0), 0.25);
    EXPECT_DOUBLE_EQ(share_at(1.5), 0.125);
    EXPECT_DOUBLE_EQ(share_at(3.0), 0.125);
    EXPECT_DOUBLE_EQ(shares.back(), 0.125);
    EXPECT_DOUBLE_EQ(shares.front(), 0.125);
    EXPECT_DOUBLE_EQ(json.at("zero_units").get<double>(), 0.25);
    EXPECT_DOUBLE_EQ(json.at("negative_units").get<double>(), 0.125);
    EXPECT_DOUBLE_EQ(std::accumulate(shares.begin(), shares.end(), 0.0), 0.75);
}

TEST(MapCensus, RefusesWhatDoesNotFit) {
    MapCensus census(2, 3, {"all"}, 1e-6);
    EXPECT_THROW(census.add(std::vector<float>(5), {}), UsageError);
    EXPECT_THROW(MapCensus(0, 3, {}, 1e-6), UsageError);
    EXPECT_THROW(MapCensus(1, 3, {}, -1.0), UsageError);
}

TEST(MapCensus, EmptyMapsOfOneImage) {
    const std::vector<float> values = {0.0F, 1e-9F, 0.0F, 0.5F, -1.0F, 0.0F};
    EXPECT_EQ(empty_maps(values, 2, 1e-6), (std::vector<bool>{true, false, false}));
    EXPECT_EQ(empty_maps(values, 2, 0.0), (std::vector<bool>{false, false, false}));
}

}  // namespace
}  // namespace braggbench
