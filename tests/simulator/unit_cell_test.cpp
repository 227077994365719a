#include "simulator/unit_cell.hpp"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <cmath>
#include <limits>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"

namespace braggbench {
namespace {

TEST(UnitCell, OrthorhombicBasesAreDiagonal) {
    const UnitCell cell{118.0, 223.0, 311.0};
    EXPECT_TRUE(direct_basis(cell).isApprox(Eigen::Vector3d(118.0, 223.0, 311.0).asDiagonal().toDenseMatrix()));
    EXPECT_EQ(direct_basis(cell)(0, 1), 0.0);  // exactly: cos(90 degrees) is not 6e-17
    EXPECT_TRUE(reciprocal_basis(cell).isApprox(
        Eigen::Vector3d(1.0 / 118.0, 1.0 / 223.0, 1.0 / 311.0).asDiagonal().toDenseMatrix()));
    EXPECT_NEAR(volume_A3(cell), 118.0 * 223.0 * 311.0, 1e-6);
}

TEST(UnitCell, HexagonalSpacingsFollowTheFormula) {
    const UnitCell cell{281.0, 281.0, 165.2, 90.0, 90.0, 120.0};
    EXPECT_NEAR(volume_A3(cell), 281.0 * 281.0 * 165.2 * std::sqrt(0.75), 1e-5);
    // 1 / d^2 = 4 (h^2 + hk + k^2) / (3 a^2) + l^2 / c^2
    const double expected = 4.0 * (4.0 + 6.0 + 9.0) / (3.0 * 281.0 * 281.0) + 25.0 / (165.2 * 165.2);
    EXPECT_NEAR((reciprocal_basis(cell) * Eigen::Vector3d(2, 3, 5)).squaredNorm(), expected, 1e-15);
}

TEST(UnitCell, TriclinicBasesHaveTheCellsLengthsAnglesAndDuality) {
    const UnitCell cell{31.0, 42.0, 53.0, 78.0, 96.0, 109.0};
    const Eigen::Matrix3d direct = direct_basis(cell);
    const auto angle_deg = [&](int i, int j) {
        return std::acos(direct.col(i).normalized().dot(direct.col(j).normalized())) / rad_per_deg;
    };
    EXPECT_NEAR(direct.col(0).norm(), 31.0, 1e-12);
    EXPECT_NEAR(direct.col(1).norm(), 42.0, 1e-12);
    EXPECT_NEAR(direct.col(2).norm(), 53.0, 1e-12);
    EXPECT_NEAR(angle_deg(1, 2), 78.0, 1e-10);
    EXPECT_NEAR(angle_deg(0, 2), 96.0, 1e-10);
    EXPECT_NEAR(angle_deg(0, 1), 109.0, 1e-10);
    // a along x, b in the xy plane
    EXPECT_EQ(direct(1, 0), 0.0);
    EXPECT_EQ(direct(2, 0), 0.0);
    EXPECT_EQ(direct(2, 1), 0.0);
    EXPECT_TRUE((reciprocal_basis(cell).transpose() * direct).isApprox(Eigen::Matrix3d::Identity(), 1e-12));
}

TEST(UnitCell, ImpossibleCellsAreRefused) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_NO_THROW(validate(UnitCell{31.0, 42.0, 53.0, 78.0, 96.0, 109.0}));
    for (const UnitCell& cell :
         {UnitCell{0.0, 1.0, 1.0}, UnitCell{1.0, -1.0, 1.0}, UnitCell{1.0, 1.0, nan}, UnitCell{1.0, 1.0, 1e5},
          UnitCell{1.0, 1.0, 1.0, 180.0}, UnitCell{1.0, 1.0, 1.0, nan}, UnitCell{10.0, 10.0, 10.0, 30.0, 30.0, 90.0}})
        EXPECT_THROW(validate(cell), UsageError);
}

}  // namespace
}  // namespace braggbench
