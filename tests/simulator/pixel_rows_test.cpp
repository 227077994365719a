#include "simulator/pixel_rows.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "simulator/constants.hpp"
#include "simulator/geometry.hpp"
#include "simulator/radial_curve.hpp"

namespace braggbench {
namespace {

Panel tilted(Panel panel, double degrees, const Eigen::Vector3d& about) {
    const Eigen::Matrix3d turn = Eigen::AngleAxisd(degrees * rad_per_deg, about.normalized()).toRotationMatrix();
    panel.origin_mm = turn * panel.origin_mm;
    panel.fast_axis = turn * panel.fast_axis;
    panel.slow_axis = turn * panel.slow_axis;
    return panel;
}

// Largest relative deviation of every quantity of every pixel from the double-precision formulas of geometry.hpp; the
// components of q relative to |q|.
double worst_deviation(const Experiment& experiment, int slow_step) {
    double worst = 0.0;
    PixelRow row;
    const Eigen::Vector3d s0(0, 0, 1 / experiment.beam.wavelength_A);
    for (std::size_t number = 0; number < experiment.detector.panels.size(); ++number) {
        const Panel& panel = experiment.detector.panels[number];
        for (int slow = 0; slow < panel.height_px; slow += slow_step) {
            trace_row(experiment, static_cast<int>(number), slow, row);
            for (int fast = 0; fast < panel.width_px; ++fast) {
                const auto i = static_cast<std::size_t>(fast);
                const Eigen::Vector3d position = lab_from_panel_mm(panel, fast + 0.5, slow + 0.5);
                const Eigen::Vector3d direction = position.normalized();
                const Eigen::Vector3d q = direction / experiment.beam.wavelength_A - s0;
                // Beside the beam q's z component cancels in double precision too: |q| by the half angle.
                const double transverse = std::hypot(direction.x(), direction.y());
                const double length =
                    2 * std::sin(0.5 * std::atan2(transverse, direction.z())) / experiment.beam.wavelength_A;
                const double per_e2 = classical_electron_radius_m * classical_electron_radius_m *
                                      experiment.beam.fluence_photons_per_m2 * solid_angle_sr(panel, position) *
                                      polarization_factor(direction, experiment.beam.polarization) *
                                      capture_fraction(experiment.detector, panel, direction);
                worst = std::max({worst, std::abs(static_cast<double>(row.stol_invA[i]) / (0.5 * length) - 1),
                                  std::abs(static_cast<double>(row.photons_per_e2[i]) / per_e2 - 1),
                                  std::abs(static_cast<double>(row.qx_invA[i]) - q.x()) / length,
                                  std::abs(static_cast<double>(row.qy_invA[i]) - q.y()) / length,
                                  std::abs(static_cast<double>(row.qz_invA[i]) - q.z()) / length});
            }
        }
    }
    return worst;
}

TEST(PixelRows, AgreeWithTheDoublePrecisionFormulas) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.polarization = 0.7;
    experiment.detector = flat_detector(512, 512, 0.172, 200.0, 256.3, 255.9);
    EXPECT_LT(worst_deviation(experiment, 1), 1e-5);
    // A large detector whose beam lies far from its corner, a thin and a thick sensor.
    experiment.detector = flat_detector(4150, 4371, 0.075, 120.0, 2074.48, 2184.52);
    experiment.detector.sensor_attenuation_length_um = 400;
    for (const double thickness_um : {4.0, 450.0}) {
        experiment.detector.sensor_thickness_um = thickness_um;
        EXPECT_LT(worst_deviation(experiment, 23), 1e-5) << thickness_um;
    }
}

TEST(PixelRows, AgreeOnTiltedPanelsAndBehindTheSample) {
    Experiment experiment;
    // At 1 nothing is scattered along lab x, and a zero has no relative accuracy.
    experiment.beam.polarization = 0.9;
    experiment.detector = flat_detector(200, 150, 0.3, 60.0, 100, 75);
    const Panel flat = experiment.detector.panels.front();
    experiment.detector.panels = {tilted(flat, 33, {1, 2, 0.5}), tilted(flat, 100, {0, 1, 0}),
                                  tilted(flat, 170, {1, 0.2, 0})};
    EXPECT_LT(worst_deviation(experiment, 1), 1e-5);
}

TEST(PixelRows, VisitEveryPixelOfEveryPanelOnce) {
    Experiment experiment;
    Panel panel = flat_detector(7, 5, 0.1, 50, 3, 3).panels.front();
    experiment.detector.panels = {panel, panel};
    experiment.detector.panels[1].image_fast_px = 8;
    experiment.detector.image_width_px = 15;
    experiment.detector.image_height_px = 5;
    Image<float> image(15, 5);
    for_each_pixel_row(experiment, image, [](const PixelRow&, std::span<float> pixels) {
        for (float& pixel : pixels) pixel += 1;
    });
    for (int slow = 0; slow < 5; ++slow) {
        for (int fast = 0; fast < 15; ++fast) EXPECT_EQ(image(fast, slow), fast == 7 ? 0.0F : 1.0F);
    }
}

TEST(RadialCurve, InterpolatesAndHoldsItsEnd) {
    RadialCurve curve(0.5, 10);
    for (std::size_t i = 0; i < curve.values().size(); ++i) curve.values()[i] = static_cast<float>(i * i);
    const std::vector<float> stol = {0.0F, 0.025F, 0.1F, 0.49F, 0.5F, 0.7F};
    const std::vector<float> weights = {1, 2, 1, 1, 1, 1};
    std::vector<float> pixels(stol.size(), 1.0F);
    curve.add_to(stol, weights, pixels);
    const std::vector<float> expected = {1, 1 + 2 * 0.5F, 1 + 4, 1 + 81 + 0.8F * 19, 101, 101};
    for (std::size_t i = 0; i < stol.size(); ++i) EXPECT_NEAR(pixels[i], expected[i], 1e-4) << i;
}

TEST(RadialCurve, PeakHasItsAreaOverQ) {
    RadialCurve curve(0.5, 2048);
    curve.add_peak(0.4, 0.003, 2.5);
    double sum = 0;
    for (const float value : curve.values()) sum += static_cast<double>(value) * 2 * curve.step_invA();
    EXPECT_NEAR(sum, 2.5, 1e-5);
}

}  // namespace
}  // namespace braggbench
