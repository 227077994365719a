#include "simulator/lattices.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <map>
#include <numeric>

#include "simulator/error.hpp"
#include "simulator/random.hpp"
#include "simulator/render.hpp"
#include "tests/simulator/scenes.hpp"

namespace braggbench {
namespace {

Crystal parent(const UnitCell& cell) {
    Crystal crystal;
    crystal.structure_factors = scenes::flat_factors(cell, {15, 15, 15}, 300.0F);
    crystal.lab_from_crystal = RandomStream(4, 0, Stage::scene).rotation();
    crystal.mosaic_spread_rms_deg.setConstant(0.2);
    crystal.cells_per_block.setConstant(8);
    crystal.illuminated_volume_um3 = 3.0;
    return crystal;
}

constexpr UnitCell hexagonal{50, 50, 90, 90, 90, 120};

double angle_deg(const Crystal& a, const Crystal& b) {
    return Eigen::AngleAxisd(a.lab_from_crystal * b.lab_from_crystal.transpose()).angle() * 180 / std::numbers::pi;
}

TEST(Lattices, BrightnessDoesNotTellTheirNumber) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.3;
    experiment.beam.spectrum = Spectrum::gaussian(0.02);
    experiment.detector = flat_detector(200, 200, 0.8, 100.0, 100, 100);
    std::map<int, double> photons;
    for (const int count : {1, 2, 10, 40}) {
        LatticeDraw draw;
        draw.count = count;
        draw.volume_spread = 0.3;
        RandomStream random(5, static_cast<std::uint64_t>(count), Stage::scene);
        experiment.crystals = lattices(parent({40, 45, 50, 90, 90, 90}), draw, random);
        ASSERT_EQ(experiment.crystals.size(), static_cast<std::size_t>(count));
        double volume = 0;
        for (const Crystal& crystal : experiment.crystals) volume += crystal.illuminated_volume_um3;
        EXPECT_NEAR(volume, 3.0, 1e-12);
        const Image<float> image = render(experiment).expected_photons;
        photons[count] = std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0);
    }
    // One orientation differs from another by the reflections of low order that it happens to meet.
    for (const auto& [count, sum] : photons) EXPECT_NEAR(sum / photons[40], 1.0, 0.2) << count;
}

TEST(Lattices, MisorientationIsAsAsked) {
    LatticeDraw draw;
    draw.count = 200;
    draw.misorientation_deg = 3.0;
    draw.misorientation = Misorientation::fixed_angle;
    RandomStream random(6, 0, Stage::scene);
    const std::vector<Crystal> fixed = lattices(parent(hexagonal), draw, random);
    for (std::size_t i = 1; i < fixed.size(); ++i) EXPECT_NEAR(angle_deg(fixed[i], fixed[0]), 3.0, 1e-6);

    draw.misorientation = Misorientation::rms_angle;
    const std::vector<Crystal> spread = lattices(parent(hexagonal), draw, random);
    double squares = 0;
    for (std::size_t i = 1; i < spread.size(); ++i) squares += std::pow(angle_deg(spread[i], spread[0]), 2);
    // The mean square of three axes; 199 draws of a chi-square with 3 degrees of freedom.
    EXPECT_NEAR(std::sqrt(squares / 199 / 3), 3.0, 4 * 3.0 * std::sqrt(1.0 / (2.0 * 3 * 199)));

    draw.misorientation = Misorientation::random;
    const std::vector<Crystal> any = lattices(parent(hexagonal), draw, random);
    double mean = 0;
    for (std::size_t i = 1; i < any.size(); ++i) mean += angle_deg(any[i], any[0]) / 199;
    // The mean angle of a uniform rotation is pi/2 + 2/pi = 126.5 degrees, its rms deviation 37 degrees.
    EXPECT_NEAR(mean, 126.5, 4 * 37 / std::sqrt(199.0));
}

TEST(Lattices, CracksStayCloseAndSmearAddsUp) {
    LatticeDraw draw;
    draw.pieces = 5;
    draw.crack_rms_deg = 0.5;
    draw.smear_rms_deg = 0.3;
    RandomStream random(7, 0, Stage::scene);
    const std::vector<Crystal> cracked = lattices(parent(hexagonal), draw, random);
    ASSERT_EQ(cracked.size(), 5U);
    for (const Crystal& piece : cracked) {
        EXPECT_NEAR(piece.illuminated_volume_um3, 0.6, 1e-12);
        EXPECT_NEAR(piece.mosaic_spread_rms_deg.x(), std::hypot(0.2, 0.3), 1e-12);
        EXPECT_GT(angle_deg(piece, parent(hexagonal)), 0.0);
        EXPECT_LT(angle_deg(piece, parent(hexagonal)), 0.5 * std::sqrt(3.0) * 4);
    }
}

// k,h,-l of a hexagonal lattice turns by 180 degrees about a + b: every reflection of the twin falls on one of the
// parent.
TEST(Lattices, MerohedralTwinOverlapsExactly) {
    LatticeDraw draw;
    draw.twin_law = "k,h,-l";
    draw.twin_fraction = 0.3;
    RandomStream random(8, 0, Stage::scene);
    const std::vector<Crystal> twins = lattices(parent(hexagonal), draw, random);
    ASSERT_EQ(twins.size(), 2U);
    EXPECT_NEAR(twins[0].illuminated_volume_um3, 2.1, 1e-12);
    EXPECT_NEAR(twins[1].illuminated_volume_um3, 0.9, 1e-12);
    EXPECT_NEAR(angle_deg(twins[1], twins[0]), 180.0, 1e-5);
    const Eigen::Matrix3d basis = reciprocal_basis(hexagonal);
    for (const Eigen::Vector3d& hkl : {Eigen::Vector3d(3, 1, 2), Eigen::Vector3d(-5, 4, 7)}) {
        const Eigen::Vector3d law(hkl.y(), hkl.x(), -hkl.z());
        EXPECT_LT((twins[0].lab_from_crystal * basis * hkl - twins[1].lab_from_crystal * basis * law).norm(), 1e-12);
    }
}

TEST(Lattices, RefusesWhatTheLatticeLacks) {
    EXPECT_THROW(twin_rotation({50, 60, 90, 90, 90, 90}, "k,h,-l"), UsageError);
    EXPECT_THROW(twin_rotation(hexagonal, "k,h,l"), UsageError);  // a mirror
    EXPECT_THROW(twin_rotation(hexagonal, "k,h"), UsageError);
    EXPECT_THROW(twin_rotation(hexagonal, "k,h,-x"), UsageError);
    LatticeDraw draw;
    draw.count = 0;
    RandomStream random(8, 0, Stage::scene);
    EXPECT_THROW(lattices(parent(hexagonal), draw, random), UsageError);
    draw.count = 300;
    EXPECT_THROW(lattices(parent(hexagonal), draw, random), UsageError);
}

}  // namespace
}  // namespace braggbench
