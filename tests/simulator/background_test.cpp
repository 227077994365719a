#include "simulator/background.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <string>

#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/materials_model.hpp"
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

// Spacing 1 / (2 stol) of the highest point between two spacings.
double ring_A(const std::string& name, double from_A = 2.5, double to_A = 9.0) {
    double best = 0;
    double best_stol = 0;
    for (double stol = 0.5 / to_A; stol < 0.5 / from_A; stol += 2e-4) {
        const double f = amorphous_f_e(amorphous_material(name), stol);
        if (f > best) {
            best = f;
            best_stol = stol;
        }
    }
    return 0.5 / best_stol;
}

// Water's first maximum lies at 2.0 / A (2 pi d^-1), lipid chains' at 4.5 A, oil's at 4.6 A, Kapton's main halo
// near 4.6 A, PMMA's at 6.3-6.6 A, polycarbonate's at 5.1 A, liquid PEG's at 4.2 A, amorphous PTFE's at 5.4 A.
TEST(AmorphousMaterials, RingsLieAtPublishedSpacings) {
    EXPECT_NEAR(2 * std::numbers::pi / ring_A("water"), 2.0, 0.05);
    EXPECT_NEAR(ring_A("lipid"), 4.5, 0.1);
    EXPECT_NEAR(ring_A("lcp"), 4.5, 0.1);
    EXPECT_NEAR(ring_A("paraffin-oil"), 4.6, 0.1);
    EXPECT_NEAR(ring_A("kapton"), 4.6, 0.15);
    EXPECT_NEAR(ring_A("pmma"), 6.4, 0.25);
    EXPECT_NEAR(ring_A("polycarbonate"), 5.1, 0.2);
    EXPECT_NEAR(ring_A("peg"), 4.2, 0.1);
    EXPECT_NEAR(ring_A("perfluoropolyether"), 5.4, 0.15);
    // Solutions still show water's ring.
    EXPECT_NEAR(ring_A("mother-liquor-salt"), 3.1, 0.1);
    EXPECT_NEAR(ring_A("mother-liquor-peg"), 3.1, 0.15);
    // LCP has water's as a shoulder: more there than lipid alone.
    const auto per_gram = [](const char* name, double stol) {
        const AmorphousMaterial& material = amorphous_material(name);
        return std::pow(amorphous_f_e(material, stol), 2) / material.molar_mass_g_per_mol;
    };
    EXPECT_GT(per_gram("lcp", 0.16) / per_gram("lcp", 0.11), 1.5 * per_gram("lipid", 0.16) / per_gram("lipid", 0.11));
}

// At 1 / A (d = 0.5 A) correlations are gone: independent atoms, coherent and Compton, of the materials' compositions.
TEST(AmorphousMaterials, FarOutOnlyIndependentAtomsAreLeft) {
    using gemmi::El;
    const auto expect = [](const char* name, const std::vector<AtomCount>& atoms, double tolerance) {
        const double f = amorphous_f_e(amorphous_material(name), 1.0);
        const double expected = independent_atoms_e2(atoms, 1.0) + compton_e2(atoms, 1.0);
        EXPECT_NEAR(f * f / expected, 1.0, tolerance) << name;
    };
    expect("helium", {{El::He, 1}}, 1e-6);
    expect("kapton", {{El::C, 22}, {El::H, 10}, {El::N, 2}, {El::O, 5}}, 0.03);
    expect("pmma", {{El::C, 5}, {El::H, 8}, {El::O, 2}}, 0.03);
    expect("polycarbonate", {{El::C, 16}, {El::H, 14}, {El::O, 3}}, 0.03);
    expect("lipid", {{El::C, 57}, {El::H, 104}, {El::O, 6}}, 0.03);
    expect("paraffin-oil", {{El::C, 1}, {El::H, 2}}, 0.1);
    expect("peg", {{El::C, 2}, {El::H, 4}, {El::O, 1}}, 0.1);
    expect("perfluoropolyether", {{El::C, 3}, {El::F, 6}, {El::O, 1}}, 0.1);
}

// All electrons scatter far out (Compton's sum rule), none incoherently straight ahead; carbon's 4.478 and 5.348
// electrons at 0.5 and 1 / A are those of Cromer 1969 (International Tables C, 7.4.3.2).
TEST(Compton, SumRule) {
    using gemmi::El;
    for (const auto& [element, electrons] :
         {std::pair(El::H, 1.0), std::pair(El::C, 6.0), std::pair(El::N, 7.0), std::pair(El::O, 8.0),
          std::pair(El::He, 2.0), std::pair(El::F, 9.0), std::pair(El::S, 16.0)}) {
        const std::vector<AtomCount> atom = {{element, 1}};
        EXPECT_NEAR(compton_e2(atom, 0.0), 0.0, 0.01 * electrons);
        EXPECT_NEAR(compton_e2(atom, 20.0), electrons, 0.01 * electrons);
    }
    EXPECT_NEAR(compton_e2(std::vector<AtomCount>{{El::C, 1}}, 0.5), 4.478, 0.03);
    EXPECT_NEAR(compton_e2(std::vector<AtomCount>{{El::C, 1}}, 1.0), 5.348, 0.03);
}

// A monatomic ideal gas: Z^2 forward.
TEST(Helium, ForwardScatteringIsThatOfAnIdealGas) {
    EXPECT_NEAR(amorphous_f_e(amorphous_material("helium"), 0), 2.0, 0.002);
}

// The compressibility limit F(0)^2 = Z^2 n k T chi_T of a liquid alkane (CH2: Z = 8, n = 3.69e28 / m^3, 1e-9 / Pa).
TEST(ParaffinOil, ForwardScatteringFollowsTheCompressibility) {
    const double expected = 8 * std::sqrt(3.69e28 * 1.380649e-23 * 298 * 1e-9);
    EXPECT_NEAR(amorphous_f_e(amorphous_material("paraffin-oil"), 0), expected, 0.05 * expected);
}

// The walk along the table gives what single look-ups give.
TEST(AmorphousMaterials, FillingACurveIsLookingUpEveryPoint) {
    for (const char* name : {"water", "air", "kapton"}) {
        const AmorphousMaterial& material = amorphous_material(name);
        std::vector<float> values(777, 1.0F);
        add_intensity(material.table, 0.0017, 3.0, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double f = amorphous_f_e(material, static_cast<double>(i) * 0.0017);
            EXPECT_NEAR(values[i] / (1 + 3 * f * f), 1.0, 1e-6) << name << " " << i;
        }
    }
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

Experiment small_scene() {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.2;
    experiment.detector = flat_detector(60, 60, 1.0, 80.0, 30.2, 29.9);
    return experiment;
}

TEST(RenderBackground, DensityScalesALayer) {
    Experiment experiment = small_scene();
    experiment.background = {{"kapton", 50.0}};
    const Image<float> own = render_background(experiment);
    experiment.background[0].density_g_per_cm3 = 2 * 1.42;
    const Image<float> twice = render_background(experiment);
    for (std::size_t i = 0; i < own.size(); ++i) ASSERT_NEAR(twice.pixels[i] / own.pixels[i], 2.0F, 1e-5F);
}

class Files : public testing::Test {
protected:
    std::filesystem::path file =
        std::filesystem::temp_directory_path() /
        ("braggbench-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    void write(const std::string& text) const { std::ofstream(file) << text; }
    ~Files() override { std::filesystem::remove(file); }
    template <class Load>
    std::string error_of(const Load& load, const std::string& text) const {
        write(text);
        try {
            load(file);
        } catch (const DataError& error) {
            return error.what();
        }
        return "";
    }
};
using ScatteringFile = Files;
using ProfileFile = Files;

// Water's own table through a file, with Q = 4 pi stol and intensities, renders as the built-in.
TEST_F(ScatteringFile, GivesTheSameImageAsTheBuiltIn) {
    std::string text = "# water\ndensity_g_per_cm3 1.0\nmolar_mass_g_per_mol 18.015\ncolumns q_invA intensity_e2\n";
    for (const ScatteringPoint& point : amorphous_material("water").table) {
        text += std::to_string(4 * std::numbers::pi * point.stol_invA) + " " +
                std::to_string(point.f_per_molecule_e * point.f_per_molecule_e) + "\n";
    }
    write(text);
    Experiment experiment = small_scene();
    experiment.background = {{"water", 20.0}};
    const Image<float> built_in = render_background(experiment);
    experiment.background[0].curve = load_scattering_curve(file);
    experiment.background[0].material = "my water";
    const Image<float> read = render_background(experiment);
    for (std::size_t i = 0; i < read.size(); ++i) ASSERT_NEAR(read.pixels[i] / built_in.pixels[i], 1.0F, 1e-4F);
}

TEST_F(ScatteringFile, NamesFileAndLineOfWhatIsWrong) {
    const auto load = [](const std::filesystem::path& path) { (void)load_scattering_curve(path); };
    const std::string head = "density_g_per_cm3 1\nmolar_mass_g_per_mol 18\ncolumns stol_invA intensity_e2\n";
    EXPECT_NE(error_of(load, head + "0 1\n0.1 abc\n").find(":5:"), std::string::npos);
    EXPECT_NE(error_of(load, head + "0.1 1\n0.1 2\n").find("ascend"), std::string::npos);
    EXPECT_NE(error_of(load, head + "0 1\n0.1 -2\n").find("negative"), std::string::npos);
    EXPECT_NE(error_of(load, head + "0 1\n0.1 nan\n").find(":5:"), std::string::npos);
    EXPECT_NE(error_of(load, head + "0 1\n").find("1 rows"), std::string::npos);
    EXPECT_NE(error_of(load, "0 1\n1 1\n").find("columns"), std::string::npos);
    EXPECT_NE(error_of(load, "columns stol_invA intensity_e2\n0 1\n1 1\n").find("density_g_per_cm3"),
              std::string::npos);
    EXPECT_NE(error_of(load, "columns two_theta intensity_e2\n0 1\n1 1\n").find("two_theta"), std::string::npos);
    EXPECT_NE(error_of(load, "colour red\n").find("pair"), std::string::npos);
    EXPECT_THROW(load_scattering_curve("/nowhere/at/all"), DataError);
}

TEST_F(ProfileFile, IsAddedAsPhotonsAtItsRadius) {
    write("columns radius_mm photons_per_px\n0 8\n10 4\n40 1\n");
    Experiment experiment = small_scene();
    experiment.radial_profile = load_radial_profile(file);
    experiment.radial_profile.scale = 2;
    const Image<float> image = render_background(experiment);
    for (int slow = 0; slow < 60; slow += 7) {
        for (int fast = 0; fast < 60; fast += 3) {
            const double r = std::hypot(fast + 0.5 - 30.2, slow + 0.5 - 29.9);
            const double expected = 2 * (r < 10 ? 8 - 0.4 * r : r < 40 ? 4 - 0.1 * (r - 10) : 1.0);
            EXPECT_NEAR(image(fast, slow), expected, 0.02) << r;
        }
    }
}

TEST(SectorShadow, AttenuatesInsideItsSectorOnly) {
    Experiment experiment = small_scene();
    experiment.background = {{"water", 20.0}};
    const Image<float> open = render_background(experiment);
    experiment.anisotropy.sectors = {{.azimuth_deg = 180, .half_width_deg = 30, .edge_deg = 4, .transmission = 0.25}};
    const Image<float> shaded = render_background(experiment);
    for (int slow = 0; slow < 60; ++slow) {
        for (int fast = 0; fast < 60; ++fast) {
            // Fast runs along -x and slow along -y.
            const double azimuth = std::atan2(29.9 - slow - 0.5, 30.2 - fast - 0.5) * 180 / std::numbers::pi;
            const double off = 180 - std::abs(azimuth);
            const double share = static_cast<double>(shaded(fast, slow) / open(fast, slow));
            const double low = off < 32 ? 0.25 : 1.0;
            const double high = off > 28 ? 1.0 : 0.25;
            ASSERT_TRUE(share > low - 1e-5 && share < high + 1e-5) << off;
        }
    }
}

// Straight down, 45 degrees off the normal's plane and away from the film, by hand.
TEST(FilmShadow, FollowsThePathThroughTheFilm) {
    Experiment experiment = small_scene();
    FilmShadow film;
    film.distance_um = 100;
    film.reach_um = 1000;
    film.thickness_um = 100;
    film.attenuation_length_um = 1000;
    film.edge_deg = 0;
    experiment.anisotropy.films = {film};
    EXPECT_EQ(shadow_transmission(experiment, {0, 0.6, 0.8}), 1.0);
    EXPECT_NEAR(shadow_transmission(experiment, {0, -0.6, 0.8}), std::exp(-0.1 / 0.6), 1e-12);
    // A ray at tan = 0.1 passes the edge: below it no shadow.
    EXPECT_EQ(shadow_transmission(experiment, Eigen::Vector3d(0, -0.09, 1).normalized()), 1.0);
    EXPECT_LT(shadow_transmission(experiment, Eigen::Vector3d(0, -0.11, 1).normalized()), 0.45);
}

// Shadows take from peaks what they take from pixels.
TEST(SectorShadow, TruthLosesWhatTheImageLoses) {
    Experiment experiment = small_scene();
    Image<float> image(60, 60, 1.0F);
    Image<float> background(60, 60, 4.0F);
    std::vector<Peak> peaks(2);
    peaks[0].fast_px = 10.5F;
    peaks[0].slow_px = 30.0F;
    peaks[0].photons = 100;
    peaks[1] = peaks[0];
    peaks[1].fast_px = 50.5F;
    experiment.anisotropy.sectors = {{.azimuth_deg = 0, .half_width_deg = 30, .edge_deg = 1, .transmission = 0.5}};
    apply_shadows(experiment, image, background, peaks);
    EXPECT_NEAR(peaks[0].photons, 50, 1e-3);
    EXPECT_NEAR(peaks[1].photons, 100, 1e-3);
    EXPECT_NEAR(image(10, 30), 0.5, 1e-5);
    EXPECT_NEAR(background(10, 30), 2.0, 4e-5);
    EXPECT_NEAR(background(50, 30), 4.0, 1e-6);
}

// Rows in single precision against single directions in double.
TEST(Shadows, OfRowsAreThoseOfDirections) {
    Experiment experiment = small_scene();
    experiment.detector = flat_detector(301, 201, 0.5, 60.0, 120.3, 90.7);
    FilmShadow film;
    film.normal = {0.3, -2.0, 0.1};
    film.distance_um = 70;
    film.edge_deg = 2;
    film.thickness_um = 300;
    FilmShadow endless = film;
    endless.normal = {1, 0, 0};
    endless.reach_um = 0;
    experiment.anisotropy.films = {film, endless};
    experiment.anisotropy.sectors = {{.azimuth_deg = 100, .half_width_deg = 20, .edge_deg = 5, .transmission = 0.3}};
    Image<float> image(301, 201, 1.0F);
    apply_shadows(experiment, image);
    int shaded = 0;
    for (int slow = 0; slow < 201; ++slow) {
        for (int fast = 0; fast < 301; ++fast) {
            const Panel& panel = experiment.detector.panels[0];
            const Eigen::Vector3d direction = lab_from_panel_mm(panel, fast + 0.5, slow + 0.5).normalized();
            const double exact = shadow_transmission(experiment, direction);
            ASSERT_NEAR(static_cast<double>(image(fast, slow)), exact, 2e-5) << fast << ' ' << slow;
            if (exact < 0.9) ++shaded;
        }
    }
    EXPECT_GT(shaded, 5000);
}

// Ridge and fall of a vertical jet's streak, which runs horizontally.
TEST(JetStreak, FallsAsOneOverQAcrossTheJet) {
    Experiment experiment = small_scene();
    experiment.detector = flat_detector(301, 301, 0.1, 500.0, 150.5, 150.5);
    experiment.anisotropy.streaks = {
        {.jet_azimuth_deg = 90, .photons_per_px = 7, .q0_invA = 0.01, .width_invA = 0.002, .core_invA = 1e-5}};
    const Image<float> image = render_background(experiment);
    const double per_px = 0.1 / 500 / 1.2;
    EXPECT_NEAR(image(150 + 60, 150), 7 * 0.01 / (60 * per_px), 0.01);
    EXPECT_NEAR(image(150 - 120, 150) / image(150 - 60, 150), 0.5, 1e-3);
    EXPECT_NEAR(image(150 + 60, 150 + 12) / image(150 + 60, 150), std::exp(-0.5 * std::pow(12 * per_px / 0.002, 2)),
                1e-3);
    EXPECT_LT(image(150, 250), 1e-6);
}

TEST(BackgroundCheck, NamesEveryFault) {
    Experiment experiment = small_scene();
    experiment.background = {{"water", 1.0, -1.0}};
    experiment.radial_profile.x = {1, 0};
    experiment.radial_profile.photons_per_px = {1};
    experiment.anisotropy.sectors = {{.transmission = 2}};
    experiment.anisotropy.films = {{.normal = Eigen::Vector3d::Zero(), .attenuation_length_um = 0}};
    experiment.anisotropy.streaks = {{.core_invA = 0}};
    try {
        validate(experiment);
        FAIL();
    } catch (const UsageError& error) {
        for (const char* name :
             {"background[0].density_g_per_cm3", "2 places but 1 values", "must ascend", "sectors[0].transmission",
              "films[0].normal", "films[0].attenuation_length_um", "streaks[0].core_invA"}) {
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << name;
        }
    }
}

}  // namespace
}  // namespace braggbench
