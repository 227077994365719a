// The pixels integrator against a scalar loop that writes nanoBragg's model down as it is, and against itself.
#include "simulator/pixels.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/geometry.hpp"
#include "simulator/random.hpp"
#include "simulator/structure_factors.hpp"
#include "tests/simulator/list_loop.hpp"

namespace braggbench {
namespace {

Experiment scene(BlockShape shape, const Eigen::Vector3d& cells) {
    const UnitCell cell{61, 52, 47, 80, 95, 103};
    const MillerIndex max{20, 17, 15};
    RandomStream random(7, 0, Stage::scene);
    std::vector<float> amplitudes(static_cast<std::size_t>((2 * max.h + 1) * (2 * max.k + 1) * (2 * max.l + 1)));
    for (float& f : amplitudes) f = static_cast<float>(100.0 * std::sqrt(-std::log(random.uniform())));
    Experiment experiment;
    experiment.beam.wavelength_A = 1.2;
    experiment.beam.polarization = 0.7;
    experiment.beam.fluence_photons_per_m2 = 1e24;
    experiment.detector = flat_detector(70, 60, 0.3, 60.0, 20.0, 35.0);
    experiment.detector.sensor_thickness_um = 300;
    experiment.detector.sensor_attenuation_length_um = 250;
    Crystal crystal;
    crystal.structure_factors = std::make_shared<const StructureFactors>(cell, "P 1", 3.0, max, amplitudes);
    crystal.lab_from_crystal = random.rotation();
    crystal.cells_per_block = cells;
    crystal.shape = shape;
    crystal.mosaic_spread_rms_deg = Eigen::Vector3d::Constant(0.4);
    experiment.crystals.push_back(crystal);
    return experiment;
}

template <class A, class B>
double largest_difference(const Image<A>& a, const Image<B>& b) {
    double difference = 0;
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference =
            std::max(difference, std::abs(static_cast<double>(a.pixels[i]) - static_cast<double>(b.pixels[i])));
        largest = std::max(largest, static_cast<double>(b.pixels[i]));
    }
    EXPECT_GT(largest, 0);
    return difference / largest;
}

PixelSampling small_sampling() {
    PixelSampling sampling;
    sampling.oversample = 2;
    sampling.thickness_steps = 2;
    sampling.sources = {{Eigen::Vector3d::UnitZ(), 1.2, 1.0},
                        {Eigen::Vector3d(0.002, -0.001, 1).normalized(), 1.21, 3.0}};
    const Eigen::Vector3d axis = Eigen::Vector3d(1, 2, -1).normalized();
    sampling.mosaic_blocks = {{Eigen::Matrix3d::Identity(), Eigen::AngleAxisd(0.01, axis).toRotationMatrix()}};
    return sampling;
}

TEST(Pixels, EveryShapeAgreesWithTheScalarLoop) {
    for (const BlockShape shape : {BlockShape::gaussian, BlockShape::gaussian_stock, BlockShape::square,
                                   BlockShape::round, BlockShape::top_hat}) {
        for (const Eigen::Vector3d& cells :
             {Eigen::Vector3d(5, 6, 7), Eigen::Vector3d(2, 12, 1), Eigen::Vector3d(30, 25, 28)}) {
            const Experiment experiment = scene(shape, cells);
            const PixelSampling sampling = small_sampling();
            const Image<double> expected = list_loop(experiment, sampling);
            if (*std::ranges::max_element(expected.pixels) <= 0) continue;
            PixelOptions options;
            EXPECT_LT(largest_difference(render_pixels(experiment, sampling, options), expected), 1e-5)
                << static_cast<int>(shape) << " of " << cells.transpose();
            options.visit = PixelOptions::Visit::every_pixel;
            EXPECT_LT(largest_difference(render_pixels(experiment, sampling, options), expected), 1e-5)
                << static_cast<int>(shape) << " of " << cells.transpose() << ", every pixel";
        }
    }
}

// More wavelengths than are taken together, unequal ones, and blocks that make spots of several tiles.
TEST(Pixels, WavelengthsOfOneRayAgreeWithTheScalarLoop) {
    for (const BlockShape shape : {BlockShape::gaussian, BlockShape::gaussian_stock}) {
        Experiment experiment = scene(shape, {9, 8, 7});
        experiment.detector.sensor_thickness_um = 0;
        PixelSampling sampling;
        for (int i = 0; i < 20; ++i) {
            sampling.sources.push_back({Eigen::Vector3d::UnitZ(), 1.2 + 0.002 * i + 0.0001 * i * i, 1.0 + i % 3});
        }
        sampling.mosaic_blocks.resize(1);
        for (const double angle : {0.0, 0.03, -0.02}) {
            const Eigen::AngleAxisd turn(angle, Eigen::Vector3d(1, 2, -1).normalized());
            sampling.mosaic_blocks.front().push_back(turn.toRotationMatrix());
        }
        EXPECT_LT(largest_difference(render_pixels(experiment, sampling), list_loop(experiment, sampling)), 2e-6)
            << static_cast<int>(shape);
    }
}

TEST(Pixels, JointListOfEqualPairsIsTheProduct) {
    const Experiment experiment = scene(BlockShape::gaussian, {10, 10, 10});
    PixelSampling product = small_sampling();
    product.oversample = 1;
    PixelSampling joint = product;
    joint.combination = PixelSampling::Combination::joint;
    joint.sources.clear();
    joint.mosaic_blocks.front().clear();
    for (const Source& source : product.sources) {
        for (const Eigen::Matrix3d& block : product.mosaic_blocks.front()) {
            joint.sources.push_back(source);
            joint.mosaic_blocks.front().push_back(block);
        }
    }
    EXPECT_LT(largest_difference(render_pixels(experiment, joint), render_pixels(experiment, product)), 1e-6);
}

// E[exp(i theta)] would be enough for a mean; the covariance is what the spots integrator relies on.
TEST(Pixels, SampledBlocksHaveTheSpreadOfTheCrystal) {
    for (const MosaicLaw law : {MosaicLaw::gaussian, MosaicLaw::nanobragg_cap}) {
        Experiment experiment = scene(BlockShape::gaussian, {10, 10, 10});
        experiment.crystals.front().mosaic_law = law;
        const Eigen::Vector3d spread_deg =
            law == MosaicLaw::gaussian ? Eigen::Vector3d(0.1, 0.5, 1.0) : Eigen::Vector3d(0.5, 0.5, 0.5);
        experiment.crystals.front().mosaic_spread_rms_deg = spread_deg;
        experiment.beam.spectrum = Spectrum::gaussian(0.01);
        experiment.beam.divergence_rms_mrad = 0.5;
        const PixelSampling sampling = sample(experiment, 4096, 1);
        const Eigen::Matrix3d u = experiment.crystals.front().lab_from_crystal;
        Eigen::Vector3d variance = Eigen::Vector3d::Zero();
        double band = 0;
        double tilt = 0;
        for (std::size_t i = 0; i < sampling.sources.size(); ++i) {
            const Eigen::AngleAxisd turn(Eigen::Matrix3d(u.transpose() * sampling.mosaic_blocks[0][i] * u));
            variance += (turn.angle() * turn.axis()).cwiseAbs2() / 4096.0;
            band += std::pow(sampling.sources[i].wavelength_A / 1.2 - 1, 2) / 4096;
            tilt += std::pow(sampling.sources[i].incident.x(), 2) / 4096;
        }
        for (int axis = 0; axis < 3; ++axis) {
            EXPECT_NEAR(std::sqrt(variance[axis]) / (spread_deg[axis] * rad_per_deg), 1.0, 0.01);
        }
        EXPECT_NEAR(std::sqrt(band) / 0.01, 1.0, 0.01);
        EXPECT_NEAR(std::sqrt(tilt) / 0.5e-3, 1.0, 0.01);
    }
}

// An achiral lattice of real amplitudes: turning crystal and beam by 180 degrees about the beam turns the image.
TEST(Pixels, FriedelMatesShineAlike) {
    Experiment experiment = scene(BlockShape::gaussian, {12, 12, 12});
    experiment.detector = flat_detector(64, 64, 0.3, 60.0, 32.0, 32.0);
    Crystal& crystal = experiment.crystals.front();
    const auto& factors = *crystal.structure_factors;
    std::vector<float> symmetric = factors.amplitudes();
    for (std::size_t i = 0; i < symmetric.size(); ++i)
        symmetric[i] = std::max(symmetric[i], factors.amplitudes()[symmetric.size() - 1 - i]);
    crystal.structure_factors =
        std::make_shared<const StructureFactors>(factors.cell(), "P 1", 3.0, factors.hkl_max(), symmetric);
    const PixelSampling sampling = sample(experiment, {.blocks = 1});
    const Image<float> image = render_pixels(experiment, sampling);
    // -h is seen at the opposite place once the crystal is turned about the beam.
    crystal.lab_from_crystal = Eigen::AngleAxisd(std::numbers::pi, Eigen::Vector3d::UnitZ()) * crystal.lab_from_crystal;
    Image<float> turned = render_pixels(experiment, sampling);
    std::ranges::reverse(turned.pixels);
    EXPECT_LT(largest_difference(turned, image), 1e-5);
}

TEST(Pixels, RegionAndMaskLeaveTheRestAtZero) {
    const Experiment experiment = scene(BlockShape::gaussian, {10, 10, 10});
    const PixelSampling sampling = small_sampling();
    const Image<float> whole = render_pixels(experiment, sampling);
    PixelOptions options;
    options.roi = PixelRegion{11, 40, 5, 30};
    options.mask.assign(whole.size(), 1);
    options.mask[whole.index(20, 20)] = 0;
    const float largest = *std::ranges::max_element(whole.pixels);
    const Image<float> part = render_pixels(experiment, sampling, options);
    for (int slow = 0; slow < whole.height; ++slow) {
        for (int fast = 0; fast < whole.width; ++fast) {
            const bool inside = fast >= 11 && fast <= 40 && slow >= 5 && slow <= 30 && !(fast == 20 && slow == 20);
            if (inside) {
                ASSERT_NEAR(part(fast, slow), whole(fast, slow), 1e-5F * largest) << fast << " " << slow;
            } else {
                ASSERT_EQ(part(fast, slow), 0.0F);
            }
        }
    }
}

TEST(Pixels, ListsThatCannotBeAreNamed) {
    const Experiment experiment = scene(BlockShape::gaussian, {10, 10, 10});
    PixelSampling sampling = small_sampling();
    sampling.sources.front().weight = sampling.sources.back().weight = 0;
    EXPECT_THROW(render_pixels(experiment, sampling), UsageError);
    sampling = small_sampling();
    sampling.mosaic_blocks.front().front()(0, 0) = 2;
    EXPECT_THROW(render_pixels(experiment, sampling), UsageError);
    sampling = small_sampling();
    sampling.oversample = 1000;
    sampling.thickness_steps = 10000;
    EXPECT_THROW(render_pixels(experiment, sampling), UsageError);
    EXPECT_THROW((void)sample(experiment, {.blocks = 0}), UsageError);
}

}  // namespace
}  // namespace braggbench
