// What the spots integrator must conserve and obey, and the spectra and mosaic laws that it is given.
#include "simulator/spots.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <Eigen/Geometry>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/mosaic_cap.hpp"
#include "simulator/quadrature.hpp"
#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "tests/simulator/pixel_loop.hpp"
#include "tests/simulator/scenes.hpp"

namespace braggbench {
namespace {

template <class T>
double sum_of(const Image<T>& image) {
    return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0);
}

double summed_error(const Image<float>& image, const Image<double>& judge) {
    double difference = 0;
    for (std::size_t i = 0; i < judge.size(); ++i) {
        difference += std::abs(static_cast<double>(image.pixels[i]) - judge.pixels[i]);
    }
    return difference / sum_of(judge);
}

TEST(MosaicCap, DensityIsThatOfNanoBraggsDraws) {
    // Normalisation and variance by quadrature, and the rms that the header states.
    double total = 0;
    double second = 0;
    for (const auto& [node, weight] : gauss_legendre_10) {
        const double t = 0.5 * (1 + node);
        const double ring = 0.5 * weight * 2 * std::numbers::pi * t * mosaic_cap_density(t);
        total += ring;
        second += 0.5 * ring * t * t;
    }
    EXPECT_NEAR(total, 1.0, 1e-4);
    EXPECT_NEAR(std::sqrt(second), cap_rms_per_edge, 1e-4);
    // And a histogram of the draws themselves.
    RandomStream random(1, 0, Stage::scene);
    constexpr int draws = 200000;
    int inner = 0;
    for (int i = 0; i < draws; ++i) {
        const double u = random.uniform(-1, 1);
        const double z = random.uniform(-1, 1);
        inner += std::cbrt(1 - u * u) * std::sqrt(1 - z * z) < 0.5 ? 1 : 0;
    }
    double expected = 0;
    for (const auto& [node, weight] : gauss_legendre_10) {
        const double t = 0.25 * (1 + node);
        expected += 0.25 * weight * 2 * std::numbers::pi * t * mosaic_cap_density(t);
    }
    EXPECT_NEAR(static_cast<double>(inner) / draws, expected, 4 * std::sqrt(expected * (1 - expected) / draws));
}

TEST(MosaicCap, TableKeepsItsIntegralAndVariance) {
    const MosaicCapTable& table = MosaicCapTable::instance();
    std::array<float, 2 * MosaicCapTable::columns> selected{};
    for (const double share : {0.001, 0.05, 0.3, 0.9, 1.0}) {
        table.select(share, selected.data());
        double total = 0;
        double second = 0;
        constexpr double step = 0.005;
        for (double x = 0.5 * step; x < 5; x += step) {
            const double ring =
                step * x * static_cast<double>(MosaicCapTable::at(selected.data(), static_cast<float>(x * x), 0.0F));
            total += ring;
            second += 0.5 * ring * x * x;
        }
        EXPECT_NEAR(total, 1.0, 2e-3) << share;
        EXPECT_NEAR(second, 1.0, 4e-3) << share;
    }
    EXPECT_NEAR(MosaicCapTable::at(selected.data(), 2.25F, 0.0F), std::exp(-1.125F), 1e-4F);
}

// A narrow mosaic cap, wide spectra of any form and divergence move photons about; what a still collects from all of a
// reflection's rocking curve stays.
TEST(Spots, SmearingConservesPhotonsOverTheRockingCurve) {
    const auto rocked = [](MosaicLaw law, double mosaic_deg, double halo, const Eigen::Vector3d& axes) {
        scenes::OneSpot spot;
        spot.size_px = 64;
        spot.mosaic_deg = mosaic_deg;
        spot.law = law;
        double sum = 0;
        for (double angle = -1.2; angle <= 1.2; angle += 0.02) {
            spot.off_bragg_deg = angle;
            Experiment experiment = scenes::one_spot(spot);
            experiment.crystals[0].mosaic_spread_rms_deg = mosaic_deg * axes;
            experiment.crystals[0].diffuse_halo_fraction = halo;
            experiment.crystals[0].diffuse_halo_rms_invA = 0.0005;
            sum += sum_of(render(experiment).expected_photons);
        }
        return sum;
    };
    const double sharp = rocked(MosaicLaw::gaussian, 0.0, 0.0, Eigen::Vector3d::Ones());
    EXPECT_NEAR(rocked(MosaicLaw::gaussian, 0.2, 0.0, Eigen::Vector3d::Ones()) / sharp, 1.0, 0.004);
    EXPECT_NEAR(rocked(MosaicLaw::nanobragg_cap, 0.2, 0.0, Eigen::Vector3d::Ones()) / sharp, 1.0, 0.004);
    EXPECT_NEAR(rocked(MosaicLaw::gaussian, 0.2, 0.0, {0.2, 1.0, 0.6}) / sharp, 1.0, 0.004);
    EXPECT_NEAR(rocked(MosaicLaw::gaussian, 0.1, 0.4, Eigen::Vector3d::Ones()) / sharp, 1.0, 0.006);
}

TEST(Spots, HaloIsNoPartOfThePeak) {
    scenes::OneSpot spot;
    spot.size_px = 64;
    Experiment experiment = scenes::one_spot(spot);
    const Peak plain = render(experiment).peaks.at(0);
    experiment.crystals[0].diffuse_halo_fraction = 0.4;
    experiment.crystals[0].diffuse_halo_rms_invA = 0.002;
    const Peak bright = render(experiment).peaks.at(0);
    EXPECT_NEAR(bright.photons / plain.photons, 0.6, 1e-5);
    EXPECT_NEAR(bright.var_fast_px2 / plain.var_fast_px2, 1.0, 1e-4);
}

// White radiation (a top hat wide enough for these reflections; low orders would need more): a reflection takes
// lambda^4 / sin^2(theta) x F^2 x P of the spectral density (Zachariasen 1945). In photons per relative wavelength:
// r_e^2 fluence (dn/dlambda) F^2 V / V_cell^2 lambda^4 P / (2 sin^2 theta).
TEST(Spots, LaueIntensitiesFollowTheory) {
    for (const MillerIndex hkl : {MillerIndex{6, 8, 10}, MillerIndex{9, 8, 2}, MillerIndex{12, 5, 14}}) {
        scenes::OneSpot spot;
        spot.hkl = hkl;
        spot.bandwidth = 0.03;
        spot.profile = SpectrumLine::Profile::top_hat;
        spot.size_px = 40;
        const Experiment experiment = scenes::one_spot(spot);
        const Rendering rendering = render(experiment);
        const Peak& peak = rendering.peaks.at(0);
        const Eigen::Vector3d direction =
            lab_from_panel_mm(experiment.detector.panels[0], peak.fast_px, peak.slow_px).normalized();
        const double sine2 = 0.5 * (1 - direction.z());
        const double lambda_m = 1.3e-10;
        const double volume_cell_m3 = 60.0 * 80.0 * 100.0 * 1e-30;
        const double density_per_m = 1.0 / (0.03 * std::sqrt(12.0) * lambda_m);
        const double expected = std::pow(classical_electron_radius_m, 2) * 1e24 * density_per_m * 1e6 * 1e-18 /
                                std::pow(volume_cell_m3, 2) * std::pow(lambda_m, 4) / (2 * sine2) *
                                polarization_factor(direction, 1.0) * std::pow(0.63 * std::numbers::pi / 2, 1.5);
        EXPECT_NEAR(sum_of(rendering.expected_photons) / expected, 1.0, 0.004) << hkl.h;
    }
}

// A crystal turned by a symmetry operation of its amplitudes gives the same image, and so does its inverse (Friedel):
// (-h, -k, -l) diffracts at the mirrored place when the crystal is turned by 180 degrees about the beam.
TEST(Spots, SymmetryOfTheModelIsSymmetryOfTheImage) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.polarization = 0.7;
    experiment.beam.spectrum = Spectrum::top_hat(0.01);
    experiment.detector = flat_detector(160, 160, 0.6, 100.0, 80.0, 80.0);
    const UnitCell cell{60, 60, 80, 90, 90, 90};
    Crystal crystal;
    crystal.structure_factors = scenes::flat_factors(cell, {20, 20, 26}, 200.0F);
    crystal.lab_from_crystal = RandomStream(2, 0, Stage::scene).rotation();
    crystal.cells_per_block = Eigen::Vector3d(12, 12, 9);
    crystal.mosaic_spread_rms_deg.setConstant(0.2);
    crystal.mosaic_law = MosaicLaw::nanobragg_cap;
    experiment.crystals = {crystal};
    const Image<float> image = render(experiment).expected_photons;
    const Eigen::Matrix3d fourfold =
        Eigen::AngleAxisd(std::numbers::pi / 2, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    experiment.crystals[0].lab_from_crystal = crystal.lab_from_crystal * fourfold;
    const Image<float> turned = render(experiment).expected_photons;
    const Eigen::Matrix3d about_beam = Eigen::AngleAxisd(std::numbers::pi, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    experiment.crystals[0].lab_from_crystal = about_beam * crystal.lab_from_crystal;
    const Image<float> mirrored = render(experiment).expected_photons;
    double difference = 0;
    double friedel = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
        difference += static_cast<double>(std::abs(image.pixels[i] - turned.pixels[i]));
        friedel += static_cast<double>(std::abs(image.pixels[i] - mirrored.pixels[image.size() - 1 - i]));
    }
    EXPECT_GT(sum_of(image), 1.0);
    EXPECT_LT(difference / sum_of(image), 2e-3);
    EXPECT_LT(friedel / sum_of(image), 2e-3);
}

class Spectra : public testing::TestWithParam<int> {};

TEST_P(Spectra, AgreeWithTheJudge) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.detector = flat_detector(48, 48, 2.0, 120.0, 21.3, 24.9);
    Crystal crystal;
    crystal.structure_factors = scenes::flat_factors({30, 32, 35, 90, 95, 90}, {12, 12, 12}, 100.0F);
    crystal.lab_from_crystal = RandomStream(3, 0, Stage::scene).rotation();
    crystal.cells_per_block = Eigen::Vector3d(5, 6, 7);
    crystal.mosaic_spread_rms_deg.setConstant(0.2);
    RandomStream random(9, 0, Stage::sase);
    switch (GetParam()) {
        case 0:
            experiment.beam.spectrum = Spectrum::two_colour(0.03, 0.001, 0.3);
            break;
        case 1:
            experiment.beam.spectrum = Spectrum::sase(0.01, 0.001, 12, random);
            break;
        case 2:
            experiment.beam.spectrum = Spectrum::top_hat(0.02);
            experiment.beam.spectrum.lines.push_back({SpectrumLine::Profile::gaussian, 0.02, 0.004, 0.5});
            break;
        case 3:
            crystal.shape = BlockShape::gaussian_stock;
            crystal.cells_per_block.setConstant(5);
            break;
        case 4:
            crystal.cells_per_block = Eigen::Vector3d(2, 3, 2);
            break;
        case 5:
            crystal.mosaic_spread_rms_deg = Eigen::Vector3d(0.1, 1.0, 0.4);
            break;
        default:
            break;
    }
    experiment.crystals = {crystal};
    const Image<double> judge = pixel_loop(experiment, 3000);
    const double error = summed_error(render(experiment).expected_photons, judge);
    RecordProperty("R", std::to_string(error));
    // What 3000 samples of steps and spikes leave in the judge itself is about 1.5 %.
    EXPECT_LT(error, 0.03);
}

constexpr std::array kind_names = {"two_colour",  "sase",          "mixture",
                                   "stock_shape", "half_an_index", "anisotropic_mosaic"};

INSTANTIATE_TEST_SUITE_P(Kinds, Spectra, testing::Range(0, 6), [](const auto& instance) {
    return std::string(kind_names.at(static_cast<std::size_t>(instance.param)));
});

TEST(Sase, HasTheWidthAskedForOnAverage) {
    double mean = 0;
    double second = 0;
    double weights = 0;
    for (std::uint64_t shot = 0; shot < 300; ++shot) {
        RandomStream random(1, shot, Stage::sase);
        for (const SpectrumLine& line : Spectrum::sase(0.01, 0.002, 20, random).lines) {
            weights += line.weight;
            mean += line.weight * line.centre_fraction;
            second +=
                line.weight * (line.centre_fraction * line.centre_fraction + line.width_fraction * line.width_fraction);
        }
    }
    EXPECT_NEAR(mean / weights, 0.0, 4 * 0.01 * std::sqrt(2.0 / 6000));
    EXPECT_NEAR(std::sqrt(second / weights), 0.01, 0.0005);
    RandomStream random(1, 0, Stage::sase);
    EXPECT_THROW(Spectrum::sase(0.001, 0.002, 20, random), UsageError);
    EXPECT_THROW(Spectrum::sase(0.01, 0.002, 0, random), UsageError);
    EXPECT_THROW(Spectrum::two_colour(0.01, 0.001, 1.5), UsageError);
}

class SpectrumFile : public testing::Test {
protected:
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() / ("spectrum_" + std::to_string(::getpid()) + ".txt");
    void write(const std::string& text) { std::ofstream(path_) << text; }
    void TearDown() override { std::filesystem::remove(path_); }
};

TEST_F(SpectrumFile, IsRead) {
    write("# wavelength weight\n1.287 0.5\n\n1.3 2 # peak\n1.313 0\n");
    const Spectrum spectrum = spectrum_from_file(path_, 1.3);
    ASSERT_EQ(spectrum.lines.size(), 2U);
    EXPECT_NEAR(spectrum.lines[0].centre_fraction, -0.01, 1e-12);
    EXPECT_EQ(spectrum.lines[1].weight, 2.0);
}

TEST_F(SpectrumFile, RefusesWhatIsNoSpectrum) {
    for (const char* text : {"", "1.3 0\n", "1.3 -1\n", "1.3\n", "1.3 1 1\n", "1.3 x\n", "9.0 1\n", "1.3 nan\n"}) {
        write(text);
        EXPECT_THROW((void)spectrum_from_file(path_, 1.3), DataError) << text;
    }
    EXPECT_THROW((void)spectrum_from_file("/nonexistent/spectrum.txt", 1.3), DataError);
}

TEST(Spots, SharpEdgedShapesAreRefused) {
    Experiment experiment = scenes::one_spot({});
    experiment.crystals[0].shape = BlockShape::square;
    EXPECT_THROW(render(experiment), UsageError);
}

TEST(Spots, ResolutionLimitAndBFactor) {
    scenes::OneSpot spot;
    Experiment experiment = scenes::one_spot(spot);
    const double sharp = sum_of(render(experiment).expected_photons);
    const double r2 = 0.03;
    experiment.crystals[0].b_factor_A2 = 20;
    EXPECT_NEAR(sum_of(render(experiment).expected_photons) / sharp, std::exp(-10 * r2), 1e-5);
    experiment.crystals[0].d_min_A = 1.001 / std::sqrt(r2);
    EXPECT_EQ(sum_of(render(experiment).expected_photons), 0.0);
}

}  // namespace
}  // namespace braggbench
