#include "simulator/geometry.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <numbers>

namespace braggbench {
namespace {

TEST(FlatDetector, FramesAndBeamCentre) {
    const Detector detector = flat_detector(100, 80, 0.1, 150.0, 40.5, 30.25);
    const Panel& panel = detector.panels.front();
    EXPECT_TRUE(lab_from_panel_mm(panel, 40.5, 30.25).isApprox(Eigen::Vector3d(0, 0, 150)));
    // Pixel (0, 0)'s corner lies to the left (+x) and above (+y) of the beam.
    EXPECT_TRUE(lab_from_panel_mm(panel, 0, 0).isApprox(Eigen::Vector3d(4.05, 3.025, 150)));
}

TEST(SolidAngle, SumsToTheSolidAngleOfTheRectangle) {
    const int n = 200;
    const Detector detector = flat_detector(n, n, 1.0, 60.0, 100.0, 100.0);
    const Panel& panel = detector.panels.front();
    double sum = 0;
    for (int fast = 0; fast < n; ++fast) {
        for (int slow = 0; slow < n; ++slow) {
            sum += solid_angle_sr(panel, lab_from_panel_mm(panel, fast + 0.5, slow + 0.5));
        }
    }
    const double half = 100;
    const double d = 60;
    EXPECT_NEAR(sum, 4 * std::atan(half * half / (d * std::sqrt(2 * half * half + d * d))), 1e-4);
}

TEST(SolidAngle, OfATiltedPanelFollowsItsNormal) {
    Panel panel = flat_detector(10, 10, 0.1, 100.0, 5, 5).panels.front();
    const double square = solid_angle_sr(panel, lab_from_panel_mm(panel, 5, 5));
    EXPECT_NEAR(square, 1e-6, 1e-12);
    const double tilt = 0.3;
    panel.fast_axis = Eigen::AngleAxisd(tilt, Eigen::Vector3d::UnitY()) * panel.fast_axis;
    panel.origin_mm = Eigen::Vector3d(0, 0, 100) - 0.5 * (panel.fast_axis + panel.slow_axis);
    EXPECT_NEAR(solid_angle_sr(panel, lab_from_panel_mm(panel, 5, 5)), square * std::cos(tilt), 1e-12);
}

TEST(Polarization, KnownDirections) {
    const double two_theta = 0.5;
    const double c = std::cos(two_theta);
    const Eigen::Vector3d along_field(std::sin(two_theta), 0, c);
    const Eigen::Vector3d across_field(0, std::sin(two_theta), c);
    EXPECT_NEAR(polarization_factor(along_field, 1.0), c * c, 1e-14);
    EXPECT_NEAR(polarization_factor(across_field, 1.0), 1.0, 1e-14);
    EXPECT_NEAR(polarization_factor(along_field, 0.0), 0.5 * (1 + c * c), 1e-14);
    EXPECT_NEAR(polarization_factor(across_field, -1.0), c * c, 1e-14);
    EXPECT_EQ(polarization_factor(Eigen::Vector3d::UnitZ(), 0.7), 1.0);
}

TEST(Polarization, AzimuthalMeanDoesNotDependOnTheKahnFactor) {
    const double two_theta = 0.8;
    for (const double kahn : {-1.0, 0.3, 1.0}) {
        double sum = 0;
        constexpr int n = 360;
        for (int i = 0; i < n; ++i) {
            const double psi = 2 * std::numbers::pi * i / n;
            const Eigen::Vector3d direction(std::sin(two_theta) * std::cos(psi), std::sin(two_theta) * std::sin(psi),
                                            std::cos(two_theta));
            sum += polarization_factor(direction, kahn) / n;
        }
        EXPECT_NEAR(sum, 0.5 * (1 + std::pow(std::cos(two_theta), 2)), 1e-12);
    }
}

TEST(Capture, LongerPathsAbsorbMore) {
    Detector detector = flat_detector(10, 10, 0.1, 100.0, 5, 5);
    const Panel& panel = detector.panels.front();
    const Eigen::Vector3d oblique(std::sin(0.6), 0, std::cos(0.6));
    EXPECT_EQ(capture_fraction(detector, panel, oblique), 1.0);
    detector.sensor_thickness_um = 320;
    detector.sensor_attenuation_length_um = 250;
    EXPECT_NEAR(capture_fraction(detector, panel, Eigen::Vector3d::UnitZ()), 1 - std::exp(-320.0 / 250), 1e-14);
    EXPECT_NEAR(capture_fraction(detector, panel, oblique), 1 - std::exp(-320.0 / 250 / std::cos(0.6)), 1e-14);
}

}  // namespace
}  // namespace braggbench
