#include "simulator/experiment.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "simulator/error.hpp"
#include "simulator/render.hpp"
#include "tests/simulator/scenes.hpp"

namespace braggbench {
namespace {

std::string faults_of(const Experiment& experiment) {
    try {
        validate(experiment);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

TEST(Validate, AcceptsAGoodScene) { EXPECT_EQ(faults_of(scenes::one_spot({})), ""); }

TEST(Validate, ListsEveryFaultAtOnce) {
    Experiment experiment = scenes::one_spot({});
    experiment.beam.wavelength_A = -1;
    experiment.beam.polarization = 2;
    experiment.beam.fluence_photons_per_m2 = std::nan("");
    experiment.crystals[0].mosaic_spread_rms_deg.y() = -0.1;
    experiment.crystals[0].lab_from_crystal *= 2;
    experiment.crystals[0].structure_factors.reset();
    experiment.background = {{"plasma", 1.0}, {"water", -1.0}};
    experiment.response.gain_adu_per_photon = 0;
    experiment.response.saturation_adu = 1e6;
    experiment.detector.panels[0].image_fast_px = 1;
    const std::string faults = faults_of(experiment);
    for (const char* name : {"wavelength_A = -1", "polarization = 2", "fluence_photons_per_m2 = nan",
                             "mosaic_spread_rms_deg", "lab_from_crystal", "structure_factors", "plasma",
                             "thickness_um = -1", "gain_adu_per_photon", "saturation_adu", "image_fast_px"}) {
        EXPECT_NE(faults.find(name), std::string::npos) << name << " is missing from:\n" << faults;
    }
    EXPECT_THROW((void)render(experiment), UsageError);
}

TEST(Validate, RefusesEveryNonFiniteNumber) {
    const Experiment good = scenes::one_spot({});
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
        for (int which = 0; which < 15; ++which) {
            Experiment experiment = good;
            experiment.background = {{"water", 1.0}};
            experiment.beam.spectrum = Spectrum::gaussian(0.001);
            Panel& panel = experiment.detector.panels[0];
            Crystal& crystal = experiment.crystals[0];
            double* const fields[] = {&experiment.beam.wavelength_A,
                                      &experiment.beam.spectrum.lines[0].width_fraction,
                                      &experiment.beam.divergence_rms_mrad,
                                      &experiment.beam.diameter_um,
                                      &experiment.beam.polarization,
                                      &panel.pixel_size_mm,
                                      &panel.origin_mm.z(),
                                      &panel.fast_axis.x(),
                                      &crystal.lab_from_crystal(1, 1),
                                      &crystal.cells_per_block.y(),
                                      &crystal.illuminated_volume_um3,
                                      &experiment.background[0].thickness_um,
                                      &experiment.response.read_noise_rms_adu,
                                      &experiment.response.offset_adu,
                                      &experiment.detector.sensor_thickness_um};
            *fields[which] = bad;
            EXPECT_NE(faults_of(experiment), "") << "field " << which << " = " << bad;
        }
    }
}

TEST(Validate, PanelsMayNotOverlap) {
    Experiment experiment = scenes::one_spot({});
    experiment.detector.image_width_px += 30;
    experiment.detector.panels.push_back(experiment.detector.panels[0]);
    experiment.detector.panels[1].image_fast_px = 23;
    EXPECT_NE(faults_of(experiment).find("share pixels"), std::string::npos);
    experiment.detector.panels[1].image_fast_px = 24;
    EXPECT_NE(faults_of(experiment).find("lie in one plane"), std::string::npos);
    experiment.detector.panels[1].origin_mm.x() += 24 * experiment.detector.panels[0].pixel_size_mm;
    EXPECT_EQ(faults_of(experiment), "");
}

TEST(FlatDetector, SaysWhatIsWrong) {
    try {
        (void)flat_detector(10, 10, 0.1, -120, 5, 5);
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_STREQ(error.what(),
                     "distance_mm = -120 (the detector must be downstream of the sample). Give a positive distance.");
    }
    EXPECT_THROW((void)flat_detector(10, 10, 0.1, 100, std::nan(""), 5), UsageError);
    EXPECT_THROW((void)flat_detector(0, 10, 0.1, 100, 5, 5), UsageError);
}

}  // namespace
}  // namespace braggbench
