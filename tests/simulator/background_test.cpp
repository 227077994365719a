#include "simulator/background.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "simulator/error.hpp"
#include "simulator/render.hpp"

namespace braggbench {
namespace {

// Compressibility limit: F(0)^2 = Z^2 n k T chi_T, with water's chi_T = 4.52e-10 / Pa, n = 3.334e28 / m^3 at 298 K.
TEST(Water, ForwardScatteringFollowsTheCompressibility) {
    const double expected = 10 * std::sqrt(3.334e28 * 1.380649e-23 * 298 * 4.52e-10);
    EXPECT_NEAR(amorphous_f_e(amorphous_material("water"), 0), expected, 0.05 * expected);
}

// The first ring of water lies near d = 3.1 A.
TEST(Water, RingAtItsKnownSpacing) {
    double best = 0;
    double best_stol = 0;
    for (double stol = 0; stol < 0.5; stol += 1e-3) {
        const double f = amorphous_f_e(amorphous_material("water"), stol);
        if (f > best) {
            best = f;
            best_stol = stol;
        }
    }
    EXPECT_NEAR(1 / (2 * best_stol), 3.1, 0.05);
    EXPECT_NEAR(best, 8.0, 1e-6);
}

// An ideal gas scatters forward as the sum of its molecules: <Z^2> of 78 % N2, 21 % O2, 1 % Ar.
TEST(Air, ForwardScatteringIsThatOfAnIdealGas) {
    const double expected = std::sqrt(0.78 * 14 * 14 + 0.21 * 16 * 16 + 0.01 * 18 * 18);
    EXPECT_NEAR(amorphous_f_e(amorphous_material("air"), 0), expected, 0.04 * expected);
}

TEST(AmorphousMaterials, CurvesPassThroughTheirTablesWithoutOvershoot) {
    for (const AmorphousMaterial& material : amorphous_materials()) {
        for (std::size_t i = 0; i < material.table.size(); ++i) {
            const ScatteringPoint here = material.table[i];
            EXPECT_NEAR(amorphous_f_e(material, here.stol_invA), here.f_per_molecule_e, 1e-9);
            if (i + 1 == material.table.size()) break;
            const ScatteringPoint next = material.table[i + 1];
            const auto [low, high] = std::minmax(here.f_per_molecule_e, next.f_per_molecule_e);
            for (double t = 0; t < 1; t += 0.05) {
                const double f = amorphous_f_e(material, here.stol_invA + t * (next.stol_invA - here.stol_invA));
                EXPECT_GE(f, low - 1e-9);
                EXPECT_LE(f, high + 1e-9);
            }
        }
        EXPECT_EQ(amorphous_f_e(material, 9.0), material.table.back().f_per_molecule_e);
    }
}

TEST(AmorphousMaterials, UnknownNameListsTheKnown) {
    try {
        (void)amorphous_material("watr");
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_NE(std::string(error.what()).find("water"), std::string::npos);
    }
}

// By hand for the pixel that the beam meets: 20 um of water under a beam of 3 um hold 7.0686e-12 m^2 * 20e-6 m *
// 1e6 g/m^3 / 18.015 g * 6.02214e23 = 4.7259e12 molecules; times F^2 = 6.6049, r_e^2 = 7.94079e-30 m^2, fluence 1e24
// per m^2 and (0.172 / 200)^2 sr is 183.33 photons.
TEST(RenderBackground, OnePixelByHand) {
    Experiment experiment;
    experiment.beam.diameter_um = 3.0;
    experiment.beam.fluence_photons_per_m2 = 1e24;
    experiment.detector = flat_detector(11, 11, 0.172, 200.0, 5.5, 5.5);
    experiment.background = {{"water", 20.0}};
    EXPECT_NEAR(render_background(experiment)(5, 5), 183.33F, 0.05F);
}

// Every pixel against the formula, with a sensor, a tilt of polarisation and an off-centre beam.
TEST(RenderBackground, FollowsTheFormulaEverywhere) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.1;
    experiment.beam.polarization = 0.8;
    experiment.detector = flat_detector(40, 30, 2.0, 90.0, 3.2, 27.9);
    experiment.detector.sensor_thickness_um = 320;
    experiment.detector.sensor_attenuation_length_um = 300;
    experiment.background = {{"water", 5.0}, {"air", 1000.0}};
    const Image<float> image = render_background(experiment);
    for (int slow = 0; slow < 30; ++slow) {
        for (int fast = 0; fast < 40; ++fast) {
            const double x = -(fast + 0.5 - 3.2) * 2.0;
            const double y = -(slow + 0.5 - 27.9) * 2.0;
            const double range = std::sqrt(x * x + y * y + 90.0 * 90.0);
            const double stol = std::sin(0.5 * std::acos(90.0 / range)) / 1.1;
            double scattered = 0;
            for (const auto& [name, thickness] : {std::pair("water", 5e-6), std::pair("air", 1e-3)}) {
                const AmorphousMaterial& material = amorphous_material(name);
                const double molecules = M_PI / 4 * 9e-12 * thickness * material.density_g_per_cm3 * 1e6 *
                                         6.02214076e23 / material.molar_mass_g_per_mol;
                scattered += molecules * std::pow(amorphous_f_e(material, stol), 2);
            }
            const double cosine = 90.0 / range;
            const double polarization = 0.5 * (1 + cosine * cosine - 0.8 * (x * x - y * y) / (range * range));
            const double expected = 7.9407925e-30 * 1e24 * scattered * polarization * 4.0 / (range * range) * cosine *
                                    (1 - std::exp(-320.0 / 300.0 / cosine));
            ASSERT_NEAR(image(fast, slow) / expected, 1.0, 2e-5) << fast << " " << slow;
        }
    }
}

TEST(RenderBackground, NoXRaysNoPhotons) {
    Experiment experiment;
    experiment.beam.fluence_photons_per_m2 = 0;
    experiment.detector = flat_detector(5, 5, 0.172, 200.0, 2, 2);
    experiment.background = {{"water", 20.0}};
    for (const float photons : render_background(experiment).pixels) EXPECT_EQ(photons, 0.0F);
}

}  // namespace
}  // namespace braggbench
