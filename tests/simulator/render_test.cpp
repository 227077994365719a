#include "simulator/render.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/random.hpp"
#include "tests/simulator/scenes.hpp"

namespace braggbench {
namespace {

using scenes::OneSpot;

double sum_of(const Image<float>& image) { return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0); }

// Bragg's law by hand: d = 40 / 4 = 10 A, wavelength 1 A: sin(theta) = 1/20, tan(2 theta) = 0.1003775, so at 100 mm
// and 0.1 mm the spot lies 100.3775 pixels from the beam; along lab +x that is towards smaller fast.
TEST(Render, OneReflectionAtAHandComputedPixel) {
    const UnitCell cell{40, 40, 40, 90, 90, 90};
    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.detector = flat_detector(256, 256, 0.1, 100.0, 150.0, 128.0);
    Crystal crystal;
    crystal.structure_factors = scenes::flat_factors(cell, {4, 4, 4}, 500.0F, {{4, 0, 0}});
    crystal.cells_per_block.setConstant(30);
    crystal.lab_from_crystal = scenes::orient(cell, {4, 0, 0}, scenes::bragg_point_invA(0.1, 1.0, 0.0), 0.4);
    experiment.crystals.push_back(crystal);
    {
        const Rendering rendering = render(experiment);
        ASSERT_EQ(rendering.peaks.size(), 1U);
        const Peak& peak = rendering.peaks[0];
        EXPECT_EQ(peak.hkl, (MillerIndex{4, 0, 0}));
        EXPECT_NEAR(peak.fast_px, 150.0 - 100.3775, 0.01);
        EXPECT_NEAR(peak.slow_px, 128.0, 0.01);
        EXPECT_NEAR(peak.d_A, 10.0, 1e-5);
        EXPECT_TRUE(peak.visible);
    }
    // Along lab +y it is towards smaller slow.
    experiment.crystals[0].lab_from_crystal =
        scenes::orient(cell, {4, 0, 0}, scenes::bragg_point_invA(0.1, 1.0, std::numbers::pi / 2), 0.4);
    const Peak peak = render(experiment).peaks.at(0);
    EXPECT_NEAR(peak.fast_px, 150.0, 0.01);
    EXPECT_NEAR(peak.slow_px, 128.0 - 100.3775, 0.01);
}

struct Smear {
    double mosaic_deg, bandwidth, divergence_mrad;
};

// Kinematic theory (Darwin; Blundell & Johnson 1976): a crystal of volume V that rocks through the reflection by steps
// of dphi about an axis normal to the scattering plane gives sum(photons) dphi = r_e^2 fluence lambda^3 F^2 V P /
// (V_cell^2 sin 2 theta), whatever the mosaic spread. The Gaussian shape holds (0.63 pi / 2)^(3/2) = 0.9844 of a
// block's integral.
TEST(Render, RockingIntegralFollowsDarwin) {
    for (const Smear smear : {Smear{0, 0, 0}, Smear{0.1, 0, 0}, Smear{0, 0.001, 0}, Smear{0, 0, 0.3}}) {
        OneSpot spot;
        spot.azimuth_rad = 0.6;
        spot.mosaic_deg = smear.mosaic_deg;
        spot.bandwidth = smear.bandwidth;
        spot.divergence_mrad = smear.divergence_mrad;
        spot.size_px = 48;
        constexpr double step_deg = 0.01;
        double rocked = 0;
        double photons = 0;
        double polarization = 0;
        for (double angle = -1.0; angle <= 1.0; angle += step_deg) {
            spot.off_bragg_deg = angle;
            const Experiment experiment = scenes::one_spot(spot);
            const Rendering rendering = render(experiment);
            rocked += sum_of(rendering.expected_photons) * step_deg * rad_per_deg;
            for (const Peak& peak : rendering.peaks) {
                const Eigen::Vector3d position =
                    lab_from_panel_mm(experiment.detector.panels[0], peak.fast_px, peak.slow_px);
                photons += peak.photons;
                polarization += peak.photons * polarization_factor(position.normalized(), experiment.beam.polarization);
            }
        }
        const double volume_cell_m3 = 60.0 * 80.0 * 100.0 * 1e-30;
        const double length = std::sqrt(0.01 + 0.01 + 0.01);
        const double two_theta = 2 * std::asin(0.5 * spot.wavelength_A * length);
        const double expected = std::pow(classical_electron_radius_m, 2) * 1e24 * std::pow(1.3e-10, 3) * 1e6 * 1e-18 *
                                (polarization / photons) / (volume_cell_m3 * volume_cell_m3 * std::sin(two_theta)) *
                                std::pow(0.63 * std::numbers::pi / 2, 1.5);
        EXPECT_NEAR(rocked / expected, 1.0, 0.003)
            << smear.mosaic_deg << " " << smear.bandwidth << " " << smear.divergence_mrad;
    }
}

Experiment pattern() {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.spectrum = Spectrum::gaussian(0.001);
    experiment.detector = flat_detector(200, 160, 0.4, 150.0, 90.0, 70.0);
    experiment.background = {{"water", 10.0}};
    experiment.response.read_noise_rms_adu = 2.0;
    RandomStream stream(12, 0, Stage::scene);
    for (int lattice = 0; lattice < 2; ++lattice) {
        Crystal crystal;
        crystal.structure_factors = scenes::flat_factors({60, 70, 80, 90, 100, 90}, {20, 24, 28}, 300.0F);
        crystal.lab_from_crystal = stream.rotation();
        crystal.mosaic_spread_rms_deg.setConstant(0.1 + 0.1 * lattice);
        experiment.crystals.push_back(crystal);
    }
    return experiment;
}

TEST(Render, IsPure) {
    const Experiment experiment = pattern();
    const Rendering first = render(experiment);
    const Rendering second = render(experiment);
    EXPECT_EQ(first.expected_photons, second.expected_photons);
    ASSERT_EQ(first.peaks.size(), second.peaks.size());
    for (std::size_t i = 0; i < first.peaks.size(); ++i) {
        EXPECT_EQ(first.peaks[i].hkl, second.peaks[i].hkl);
        EXPECT_EQ(first.peaks[i].photons, second.peaks[i].photons);
    }
}

TEST(Render, TruthAccountsForThePhotonsInTheImage) {
    const Experiment experiment = pattern();
    const Rendering rendering = render(experiment);
    const Image<float> background = render_background(experiment);
    double listed = 0;
    for (const Peak& peak : rendering.peaks) listed += static_cast<double>(peak.photons);
    const double bragg = sum_of(rendering.expected_photons) - sum_of(background);
    EXPECT_LE(listed, bragg * (1 + 1e-4));
    EXPECT_GT(listed, bragg * 0.999);
    ASSERT_GT(rendering.peaks.size(), 100U);
    EXPECT_TRUE(std::ranges::is_sorted(rendering.peaks, std::greater<>{}, &Peak::photons));
    bool both = false;
    for (const Peak& peak : rendering.peaks) {
        EXPECT_GE(peak.photons, listed_peak_min_photons);
        both = both || peak.lattice != rendering.peaks[0].lattice;
        const auto fast = static_cast<int>(peak.fast_px);
        const auto slow = static_cast<int>(peak.slow_px);
        EXPECT_FLOAT_EQ(peak.background_photons, background(fast, slow));
        EXPECT_FLOAT_EQ(peak.snr, signal_to_noise(peak, 2.0));
        EXPECT_EQ(peak.visible, peak.snr >= visible_peak_min_snr);
    }
    EXPECT_TRUE(both);
}

// Centroid and covariance of the truth against moments of the pixels; a pixel's centre is at .5.
TEST(Render, TruthMomentsAreThoseOfTheImage) {
    OneSpot spot;
    spot.hkl = {12, 16, 20};
    spot.mosaic_deg = 0.2;
    spot.bandwidth = 0.002;
    spot.size_px = 40;
    const Rendering rendering = render(scenes::one_spot(spot));
    const Image<float>& image = rendering.expected_photons;
    double sum = 0;
    Eigen::Vector2d first = Eigen::Vector2d::Zero();
    Eigen::Matrix2d second = Eigen::Matrix2d::Zero();
    for (int slow = 0; slow < image.height; ++slow) {
        for (int fast = 0; fast < image.width; ++fast) {
            const Eigen::Vector2d position(fast + 0.5, slow + 0.5);
            const auto photons = static_cast<double>(image(fast, slow));
            sum += photons;
            first += photons * position;
            second += photons * position * position.transpose();
        }
    }
    first /= sum;
    second = (second / sum - first * first.transpose()).eval();
    const Peak& peak = rendering.peaks.at(0);
    EXPECT_NEAR(peak.photons / sum, 1.0, 1e-3);
    EXPECT_NEAR(peak.fast_px, first.x(), 0.01);
    EXPECT_NEAR(peak.slow_px, first.y(), 0.01);
    EXPECT_NEAR(peak.var_fast_px2 / second(0, 0), 1.0, 0.01);
    EXPECT_NEAR(peak.var_slow_px2 / second(1, 1), 1.0, 0.01);
    EXPECT_NEAR(peak.cov_px2 / second(0, 1), 1.0, 0.02);
}

TEST(Render, ScalesWithFluenceVolumeAndNothingElse) {
    Experiment experiment = pattern();
    experiment.background.clear();
    const Image<float> once = render(experiment).expected_photons;
    experiment.beam.fluence_photons_per_m2 *= 2;
    for (Crystal& crystal : experiment.crystals) crystal.illuminated_volume_um3 *= 1.5;
    const Image<float> thrice = render(experiment).expected_photons;
    for (std::size_t i = 0; i < once.size(); ++i) {
        ASSERT_NEAR(thrice.pixels[i], 3 * once.pixels[i], 1e-5F * thrice.pixels[i] + 1e-12F);
    }
}

// A detector cut into tiles, one of them rotated by 90 degrees in its plane, shows the same photons.
TEST(Render, PanelsShowWhatOnePanelShows) {
    const Experiment whole = pattern();
    const Image<float> expected = render(whole).expected_photons;
    Experiment tiled = whole;
    tiled.detector.panels.clear();
    const Panel& full = whole.detector.panels[0];
    for (int column = 0; column < 2; ++column) {
        Panel panel = full;
        panel.width_px = 100;
        panel.image_fast_px = 100 * column;
        panel.origin_mm = lab_from_panel_mm(full, 100.0 * column, 0);
        tiled.detector.panels.push_back(panel);
    }
    const Image<float> left_right = render(tiled).expected_photons;
    double difference = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        difference += static_cast<double>(std::abs(left_right.pixels[i] - expected.pixels[i]));
    }
    EXPECT_LT(difference, 1e-3 * sum_of(expected));

    // Fast and slow change places.
    Experiment turned = whole;
    Panel& panel = turned.detector.panels[0];
    std::swap(panel.fast_axis, panel.slow_axis);
    std::swap(panel.width_px, panel.height_px);
    std::swap(turned.detector.image_width_px, turned.detector.image_height_px);
    const Image<float> transposed = render(turned).expected_photons;
    difference = 0;
    for (int slow = 0; slow < expected.height; ++slow) {
        for (int fast = 0; fast < expected.width; ++fast) {
            difference += static_cast<double>(std::abs(transposed(slow, fast) - expected(fast, slow)));
        }
    }
    EXPECT_LT(difference, 1e-3 * sum_of(expected));
}

TEST(Render, IntegratorsAgreeOnAShadedSceneWithBackground) {
    Experiment experiment = pattern();
    experiment.detector = flat_detector(96, 96, 0.172, 150.0, -40.0, -30.0);
    experiment.occluders = {circular_stop({5.0, 5.0}, 6.0, 100.0)};
    const Rendering spots = render(experiment);
    experiment.integration.integrator = Integrator::pixels;
    const Rendering pixels = render(experiment);
    ASSERT_GT(spots.peaks.size(), 3U);
    ASSERT_EQ(spots.peaks.size(), pixels.peaks.size());
    for (std::size_t i = 0; i < spots.peaks.size(); ++i) EXPECT_EQ(spots.peaks[i].photons, pixels.peaks[i].photons);
    const Image<float> background = render_background(experiment);
    double difference = 0;
    double bragg = 0;
    for (std::size_t i = 0; i < background.size(); ++i) {
        difference += std::abs(static_cast<double>(spots.expected_photons.pixels[i]) -
                               static_cast<double>(pixels.expected_photons.pixels[i]));
        bragg += static_cast<double>(spots.expected_photons.pixels[i]) - static_cast<double>(background.pixels[i]);
    }
    EXPECT_GT(difference, 0);
    EXPECT_LT(difference, 0.05 * bragg);
}

TEST(Render, PixelsTakesShapesThatSpotsRefuses) {
    Experiment experiment = pattern();
    experiment.detector = flat_detector(96, 96, 0.172, 150.0, -40.0, -30.0);
    for (Crystal& crystal : experiment.crystals) crystal.shape = BlockShape::square;
    EXPECT_THROW((void)render(experiment), UsageError);
    experiment.integration = {Integrator::pixels, 16, 2};
    EXPECT_GT(sum_of(render(experiment).expected_photons), sum_of(render_background(experiment)));
    experiment.crystals[0].diffuse_halo_fraction = 0.1;
    EXPECT_THROW((void)render(experiment), UsageError);
}

TEST(Render, NoXRaysNothing) {
    Experiment experiment = pattern();
    experiment.beam.fluence_photons_per_m2 = 0;
    const Rendering rendering = render(experiment);
    EXPECT_TRUE(rendering.peaks.empty());
    EXPECT_EQ(sum_of(rendering.expected_photons), 0.0);
}

TEST(Render, TheDirectBeamIsNoReflection) {
    Experiment experiment = pattern();
    experiment.background.clear();
    experiment.crystals.resize(1);
    experiment.crystals[0].structure_factors =
        scenes::flat_factors({60, 70, 80, 90, 90, 90}, {2, 2, 2}, 1e4F, {{0, 0, 0}});
    EXPECT_EQ(sum_of(render(experiment).expected_photons), 0.0);
}

}  // namespace
}  // namespace braggbench
