#include "simulator/occluders.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <numbers>
#include <numeric>

#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/render.hpp"
#include "tests/simulator/scenes.hpp"

namespace braggbench {
namespace {

// 200 x 100 pixels of 0.1 mm at 100 mm, the beam at (120, 40).
Experiment open_scene() {
    Experiment experiment;
    experiment.detector = flat_detector(200, 100, 0.1, 100.0, 120, 40);
    return experiment;
}

double shaded_px(const Image<float>& image) {
    return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0,
                           [](double sum, float t) { return sum + (1.0 - static_cast<double>(t)); });
}

TEST(Occluders, WithoutAnyEverythingPasses) {
    const Image<float> image = transmission(open_scene());
    EXPECT_TRUE(std::ranges::all_of(image.pixels, [](float t) { return t == 1.0F; }));
}

TEST(Occluders, ADiscHidesItsProjectedArea) {
    Experiment experiment = open_scene();
    // Half way to the detector, so its shadow has twice its radius: 1.5 mm = 15 pixels.
    experiment.occluders = {circular_stop({0, 0}, 1.5, 50.0)};
    const Image<float> image = transmission(experiment);
    EXPECT_EQ(image(120, 40), 0.0F);
    EXPECT_EQ(image(120 + 13, 40), 0.0F);
    EXPECT_EQ(image(120 + 16, 40), 1.0F);
    EXPECT_NEAR(shaded_px(image), std::numbers::pi * 15 * 15, 2.0);
}

TEST(Occluders, StandWhereTheLabSaysSo) {
    Experiment experiment = open_scene();
    // +x is to the left of the image, +y up: 3 mm left and 1 mm up of the beam at the detector.
    experiment.occluders = {circular_stop({3, 1}, 0.8, 100.0)};
    const Image<float> image = transmission(experiment);
    EXPECT_EQ(image(120 - 30, 40 - 10), 0.0F);
    EXPECT_EQ(image(120 + 30, 40 + 10), 1.0F);
}

TEST(Occluders, ThePenumbraIsSmoothAndHalfAtTheEdge) {
    Experiment experiment = open_scene();
    Occluder stop = circular_stop({0, 0}, 4.0, 100.0, 1.0);
    stop.transmission = 0.2;
    experiment.occluders = {stop};
    const Image<float> image = transmission(experiment);
    // Pixel centres at half-integers from the beam; the edge lies at 20 px between the centres 19.5 and 20.5.
    const auto at = [&](int px) { return static_cast<double>(image(120 + px, 40)); };
    EXPECT_NEAR(0.5 * (at(19) + at(20)), 0.6, 1e-3);
    EXPECT_NEAR(at(14), 0.2, 1e-6);
    EXPECT_NEAR(at(25), 1.0, 1e-6);
    for (int px = 14; px < 25; ++px) EXPECT_LE(at(px), at(px + 1)) << px;
    // A ramp u of variance w^2 / 20 about the edge of a disc shades pi <(r + u)^2> = pi (r^2 + w^2 / 20).
    EXPECT_NEAR(shaded_px(image), 0.8 * std::numbers::pi * (20 * 20 + 10 * 10 / 20.0), 1.0);
}

TEST(Occluders, LinearAndWedgeStopsHideTheirAreas) {
    Experiment experiment = open_scene();
    experiment.occluders = {linear_stop({-7, -5}, {1, 3}, 0.6, 100.0)};
    EXPECT_NEAR(shaded_px(transmission(experiment)), 100 * 0.6 * std::hypot(8.0, 8.0), 8.0);
    experiment.occluders = {wedge_stop({0, 0}, 180.0, 40.0, 6.0, 100.0)};
    const Image<float> image = transmission(experiment);
    EXPECT_NEAR(shaded_px(image), 100 * 36.0 * std::tan(20 * std::numbers::pi / 180), 8.0);
    EXPECT_EQ(image(120 + 50, 40), 0.0F);  // -x is to the right
    EXPECT_EQ(image(120 - 5, 40), 1.0F);
}

TEST(Occluders, APolygonMayBeConcaveAndRunEitherWay) {
    Experiment experiment = open_scene();
    // An L of 3 mm^2: the unit square missing from a 2 x 2 one.
    Occluder polygon{{{0, 0}, {2, 0}, {2, 1}, {1, 1}, {1, 2}, {0, 2}}, 0.0, 100.0, 0.0, 0.0};
    experiment.occluders = {polygon};
    EXPECT_NEAR(shaded_px(transmission(experiment)), 300.0, 4.0);
    std::ranges::reverse(polygon.corners_mm);
    experiment.occluders = {polygon};
    EXPECT_NEAR(shaded_px(transmission(experiment)), 300.0, 4.0);
    EXPECT_EQ(transmission(experiment)(120 - 15, 40 - 15), 1.0F);
}

TEST(Occluders, MultiplyAndLeaveTheRestAlone) {
    Experiment experiment = open_scene();
    Occluder foil = circular_stop({0, 0}, 2.0, 100.0);
    foil.transmission = 0.5;
    experiment.occluders = {foil, foil};
    EXPECT_FLOAT_EQ(transmission(experiment)(120, 40), 0.25F);
    EXPECT_EQ(transmission(experiment)(10, 90), 1.0F);
}

TEST(Occluders, CastShadowsOnTiltedPanelsAndThroughTheBeamOffTheImage) {
    Experiment experiment = open_scene();
    // The image lies far from the beam; its shadow falls elsewhere and nothing happens.
    experiment.detector = flat_detector(100, 100, 0.1, 100.0, -500, -800);
    experiment.occluders = {circular_stop({0, 0}, 5.0, 90.0)};
    EXPECT_EQ(shaded_px(transmission(experiment)), 0.0);
    // A disc on the line to a tilted panel's point hides that point.
    experiment.detector = tilted(experiment.detector, rotation_about({1, 1, 0}, 25.0), {0, 0, 100});
    const Panel& panel = experiment.detector.panels.front();
    const Eigen::Vector3d point = panel.origin_mm + 0.1 * (30.5 * panel.fast_axis + 70.5 * panel.slow_axis);
    experiment.occluders = {circular_stop((60.0 / point.z()) * point.head<2>(), 0.4, 60.0)};
    const Image<float> image = transmission(experiment);
    EXPECT_EQ(image(30, 70), 0.0F);
    EXPECT_GT(shaded_px(image), 10.0);
    EXPECT_EQ(image(60, 70), 1.0F);
}

// Runs of pixels are shaded at once; panels of one pixel each leave no runs.
TEST(Occluders, RunsOfPixelsAreWhatSinglePixelsAre) {
    Experiment experiment = open_scene();
    experiment.occluders = {{{{0, 0}, {2, 0.3}, {1.8, 1}, {1, 0.9}, {1.2, 2}, {-3, 2}}, 0.1, 70.0, 0.3, 0.4},
                            circular_stop({-2, 0.5}, 1.5, 80.0),
                            linear_stop({0, 0}, {-9, -3}, 0.3, 60.0)};
    for (const double turn_deg : {0.0, 50.0}) {
        experiment.detector = tilted(open_scene().detector, rotation_about({0.2, 1, 0.4}, turn_deg), {0, 0, 100});
        const Image<float> whole = transmission(experiment);
        Experiment pixels = experiment;
        pixels.detector.panels.clear();
        const Panel& panel = experiment.detector.panels.front();
        for (int slow = 0; slow < panel.height_px; ++slow) {
            for (int fast = 0; fast < panel.width_px; ++fast) {
                Panel single = panel;
                single.width_px = 1;
                single.height_px = 1;
                single.image_fast_px = fast;
                single.image_slow_px = slow;
                single.origin_mm = lab_from_panel_mm(panel, fast, slow);
                pixels.detector.panels.push_back(single);
            }
        }
        const Image<float> single = transmission(pixels);
        double different = 0;
        for (std::size_t i = 0; i < whole.size(); ++i) {
            different = std::max(different, std::abs(static_cast<double>(whole.pixels[i] - single.pixels[i])));
        }
        EXPECT_LT(different, 1e-6) << turn_deg;
        EXPECT_GT(shaded_px(whole), 500) << turn_deg;
    }
}

TEST(Occluders, BehindThePanelHideNothing) {
    Experiment experiment = open_scene();
    experiment.occluders = {circular_stop({0, 0}, 2.0, 150.0)};
    EXPECT_EQ(shaded_px(transmission(experiment)), 0.0);
}

TEST(Occluders, GapsPassNothing) {
    Experiment experiment = open_scene();
    experiment.detector.image_width_px = 210;
    EXPECT_EQ(transmission(experiment)(205, 50), 0.0F);
    EXPECT_EQ(transmission(experiment)(195, 50), 1.0F);
}

TEST(Occluders, ScaleTheImageAndTheTruthAlike) {
    Experiment experiment = scenes::one_spot({});
    experiment.background = {{"water", 10.0}};
    const Rendering open = render(experiment);
    ASSERT_EQ(open.peaks.size(), 1U);
    const Panel& panel = experiment.detector.panels.front();
    const Eigen::Vector3d spot =
        panel.origin_mm + panel.pixel_size_mm * (static_cast<double>(open.peaks[0].fast_px) * panel.fast_axis +
                                                 static_cast<double>(open.peaks[0].slow_px) * panel.slow_axis);
    Occluder foil = circular_stop(spot.head<2>(), 100.0, spot.z());
    foil.transmission = 0.25;
    experiment.occluders = {foil};
    const Rendering dimmed = render(experiment);
    ASSERT_EQ(dimmed.peaks.size(), 1U);
    EXPECT_FLOAT_EQ(dimmed.peaks[0].photons, 0.25F * open.peaks[0].photons);
    EXPECT_FLOAT_EQ(dimmed.peaks[0].background_photons, 0.25F * open.peaks[0].background_photons);
    for (std::size_t i = 0; i < open.expected_photons.size(); ++i) {
        ASSERT_FLOAT_EQ(dimmed.expected_photons.pixels[i], 0.25F * open.expected_photons.pixels[i]);
    }
    // Half of the spot behind an edge: the truth follows the image within what a 3 x 3 rule can see of an edge.
    const Eigen::Vector2d edge = spot.head<2>();
    experiment.background.clear();
    experiment.occluders = {{{edge + Eigen::Vector2d(0, -50), edge + Eigen::Vector2d(50, -50),
                              edge + Eigen::Vector2d(50, 50), edge + Eigen::Vector2d(0, 50)},
                             0.0,
                             spot.z(),
                             0.0,
                             0.4}};
    const Rendering cut = render(experiment);
    ASSERT_EQ(cut.peaks.size(), 1U);
    const double sum = std::accumulate(cut.expected_photons.pixels.begin(), cut.expected_photons.pixels.end(), 0.0);
    EXPECT_NEAR(static_cast<double>(cut.peaks[0].photons) / sum, 1.0, 0.1);
    // Wholly behind a stop it is no longer listed, and its photons are gone.
    foil.transmission = 0.0;
    experiment.occluders = {foil};
    const Rendering dark = render(experiment);
    EXPECT_TRUE(dark.peaks.empty());
    EXPECT_EQ(std::accumulate(dark.expected_photons.pixels.begin(), dark.expected_photons.pixels.end(), 0.0), 0.0);
}

TEST(Occluders, FaultsAreNamed) {
    Experiment experiment = scenes::one_spot({});
    experiment.occluders = {circular_stop({0, 0}, 2.0, -5.0), {{{0, 0}}, 0.0, 10.0, 1.5, -1.0}, {}};
    experiment.occluders.push_back(circular_stop({NAN, 0}, 1.0, 10.0));
    try {
        validate(experiment);
        FAIL() << "accepted";
    } catch (const UsageError& error) {
        const std::string text = error.what();
        for (const char* part : {"occluders[0].distance_mm = -5", "occluders[1].radius_mm", "occluders[1].transmission",
                                 "occluders[1].penumbra_mm", "occluders[2].corners_mm", "occluders[3].corners_mm"}) {
            EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
        }
    }
}

}  // namespace
}  // namespace braggbench
