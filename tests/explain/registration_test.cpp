#include "explain/registration.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "simulator/error.hpp"

namespace braggbench {
namespace {

TEST(RegisterGrid, UnitsKeepTheirPlace) {
    // Stride 4 from pixel index 1: unit (2, 1) sits at pixel (9, 5); half-way to the next unit it has half its value.
    Image<float> units(4, 3);
    units(2, 1) = 8.0F;
    const Image<float> map = register_grid(units, 4.0, 1.0, 16, 12);
    EXPECT_FLOAT_EQ(map(9, 5), 8.0F);
    EXPECT_FLOAT_EQ(map(11, 5), 4.0F);
    EXPECT_FLOAT_EQ(map(9, 7), 4.0F);
    EXPECT_FLOAT_EQ(map(7, 3), 2.0F);
    EXPECT_FLOAT_EQ(map(13, 5), 0.0F);
}

TEST(RegisterGrid, HeldBeyondTheOutermostCentres) {
    Image<float> units(2, 1);
    units.pixels = {3.0F, 5.0F};
    const Image<float> map = register_grid(units, 2.0, 3.0, 9, 2);
    for (int fast = 0; fast <= 3; ++fast) {
        EXPECT_FLOAT_EQ(map(fast, 0), 3.0F);
    }
    for (int fast = 5; fast < 9; ++fast) {
        EXPECT_FLOAT_EQ(map(fast, 1), 5.0F);
    }
}

TEST(RegisterGrid, StrideOneIsTheIdentity) {
    Image<float> units(5, 4);
    std::iota(units.pixels.begin(), units.pixels.end(), -3.0F);
    EXPECT_EQ(register_grid(units, 1.0, 0.0, 5, 4), units);
}

TEST(RegisterGrid, RefusesAGridWithoutSpacing) {
    EXPECT_THROW(register_grid(Image<float>(2, 2), 0.0, 0.0, 4, 4), UsageError);
    EXPECT_THROW(register_grid(Image<float>(), 1.0, 0.0, 4, 4), UsageError);
}

PeakTargets single_pixel(int fast, int slow, int size) {
    Peak peak;
    peak.visible = true;
    peak.fast_px = static_cast<float>(fast) + 0.5F;
    peak.slow_px = static_cast<float>(slow) + 0.5F;
    return make_targets(std::vector<Peak>{peak}, size, size, 0.0);
}

TEST(OracleMap, AtFullResolutionItIsTheMask) {
    const PeakTargets truth = single_pixel(3, 5, 8);
    const Image<float> map = oracle_map(truth, {8, 8, 1.0, 0.0});
    for (std::uint32_t pixel = 0; pixel < map.size(); ++pixel) {
        EXPECT_FLOAT_EQ(map.pixels[pixel], pixel == truth.pixels.front() ? 1.0F : 0.0F);
    }
}

TEST(OracleMap, AveragesOverTheUnitsCell) {
    // Cells of 4 x 4 pixels centred between pixels 1 and 2, 5 and 6: the peak's cell has 1/16 at its centre.
    const Image<float> map = oracle_map(single_pixel(6, 2, 8), {2, 2, 4.0, 1.5});
    EXPECT_FLOAT_EQ(map(7, 0), 1.0F / 16.0F);
    EXPECT_FLOAT_EQ(map(0, 7), 0.0F);
    EXPECT_FLOAT_EQ(map(0, 0), 0.0F);
    EXPECT_FLOAT_EQ(map(7, 7), 0.0F);
}

TEST(OracleMap, SharesAPixelBetweenTwoCells) {
    // Unit centres on pixels 0, 2, 4: pixel 1 lies half in the cell of unit 0, half in that of unit 1.
    const Image<float> map = oracle_map(single_pixel(1, 2, 6), {3, 3, 2.0, 0.0});
    EXPECT_FLOAT_EQ(map(0, 2), 0.125F);
    EXPECT_FLOAT_EQ(map(2, 2), 0.125F);
    EXPECT_FLOAT_EQ(map(4, 2), 0.0F);
}

}  // namespace
}  // namespace braggbench
