#include "simulator/geometry.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "simulator/error.hpp"
#include "simulator/faults.hpp"

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

TEST(Tilted, TurnsAboutThePivotByHand) {
    // The beam meets (5, 5) at 100 mm. A turn by 90 degrees about y through that point swaps z and x.
    const Detector flat = flat_detector(10, 10, 0.1, 100.0, 5, 5);
    const Detector turned = tilted(flat, rotation_about({0, 2, 0}, 90.0), {0, 0, 100});
    const Panel& panel = turned.panels.front();
    EXPECT_TRUE(lab_from_panel_mm(panel, 5, 5).isApprox(Eigen::Vector3d(0, 0, 100)));
    // fast was -x; y turns z to x and x to -z.
    EXPECT_TRUE(panel.fast_axis.isApprox(Eigen::Vector3d(0, 0, 1)));
    EXPECT_TRUE(panel.slow_axis.isApprox(Eigen::Vector3d(0, -1, 0)));
    EXPECT_TRUE(panel.origin_mm.isApprox(Eigen::Vector3d(0, 0.5, 99.5)));
}

TEST(Tilted, ATwoThetaArmKeepsTheDistance) {
    const Detector flat = flat_detector(10, 10, 0.1, 100.0, 5, 5);
    // About -x a positive angle lifts the detector.
    const Detector lifted = tilted(flat, rotation_about({-1, 0, 0}, 30.0), Eigen::Vector3d::Zero());
    const Eigen::Vector3d centre = lab_from_panel_mm(lifted.panels.front(), 5, 5);
    EXPECT_TRUE(centre.isApprox(Eigen::Vector3d(0, 50, 100 * std::cos(std::numbers::pi / 6))));
    // It still faces the sample: a pixel there has the solid angle it had.
    EXPECT_NEAR(solid_angle_sr(lifted.panels.front(), centre), 1e-6, 1e-12);
    EXPECT_THROW((void)rotation_about({0, 0, 0}, 3.0), UsageError);
    EXPECT_THROW((void)rotation_about({0, 0, 1}, NAN), UsageError);
}

TEST(Tilted, TurnsCombineRightToLeft) {
    const Eigen::Vector3d x = Eigen::Vector3d::UnitX();
    const Eigen::Vector3d y = Eigen::Vector3d::UnitY();
    // About x first: y -> z; then about y: z -> x.
    EXPECT_TRUE((rotation_about(y, 90) * rotation_about(x, 90) * y).isApprox(x));
}

// Every way of counting a panel's pixels is drawn the same way up, with each pixel at its place in space.
TEST(Assembled, DrawsEveryOrientationUpright) {
    Detector detector = flat_detector(40, 20, 0.1, 100.0, 7, 3);
    const Panel upright = detector.panels.front();
    for (const bool transposed : {false, true}) {
        for (const bool fast_back : {false, true}) {
            for (const bool slow_back : {false, true}) {
                Panel panel = upright;
                panel.origin_mm = lab_from_panel_mm(upright, fast_back ? 40 : 0, slow_back ? 20 : 0);
                if (fast_back) panel.fast_axis = -panel.fast_axis;
                if (slow_back) panel.slow_axis = -panel.slow_axis;
                if (transposed) {
                    std::swap(panel.fast_axis, panel.slow_axis);
                    std::swap(panel.width_px, panel.height_px);
                }
                panel.image_fast_px = 5;
                detector.panels = {panel};
                const Detector drawn = assembled(detector);
                EXPECT_EQ(drawn.image_width_px, 40);
                EXPECT_EQ(drawn.image_height_px, 20);
                EXPECT_EQ(drawn.panels[0].image_fast_px, 0);
                EXPECT_TRUE(drawn.panels[0].origin_mm.isApprox(upright.origin_mm, 1e-12));
                EXPECT_TRUE(drawn.panels[0].fast_axis.isApprox(upright.fast_axis, 1e-12));
                EXPECT_TRUE(drawn.panels[0].slow_axis.isApprox(upright.slow_axis, 1e-12));
            }
        }
    }
    detector.panels = {upright, upright};
    detector.panels[1].pixel_size_mm = 0.2;
    EXPECT_THROW((void)assembled(detector), UsageError);
}

TEST(DetectorCheck, PanelsInOnePlaneMustNotOverlap) {
    Detector detector = flat_detector(100, 100, 0.1, 100.0, 50, 50);
    detector.image_width_px = 300;
    Panel second = detector.panels[0];
    second.image_fast_px = 100;
    const auto text = [&](const Eigen::Vector3d& shift_mm, double turn_deg) {
        Detector two = detector;
        Panel panel = second;
        panel.origin_mm += shift_mm;
        two.panels.push_back(panel);
        Detector only;
        only.panels = {panel};
        two.panels[1] = tilted(only, rotation_about({0, 0, 1}, turn_deg), panel.origin_mm).panels[0];
        Faults faults;
        check(two, faults);
        try {
            faults.report();
        } catch (const UsageError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(text({-10.0, 0, 0}, 0), "");  // side by side
    EXPECT_EQ(text({-9.85, 0, 0}, 0), "");  // within what is tolerated
    EXPECT_EQ(text({0, 0, 5.0}, 0), "");    // one behind the other
    EXPECT_NE(text({-9.5, 0, 0}, 0).find("overlap"), std::string::npos);
    EXPECT_NE(text({-5, 3, 0}, 30).find("overlap"), std::string::npos);
    // A corner of the first panel points at a side of the turned one: the boxes around both overlap, the panels do not,
    // until the second comes 0.9 mm nearer along both axes.
    EXPECT_EQ(text({-13.9, -6.83, 0}, 45), "");
    EXPECT_NE(text({-13.0, -5.93, 0}, 45).find("overlap"), std::string::npos);
}

}  // namespace
}  // namespace braggbench
