#include "simulator/single_particle.hpp"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>
#include <complex>
#include <filesystem>
#include <fstream>
#include <numbers>

#include "simulator/constants.hpp"
#include "simulator/error.hpp"
#include "simulator/experiment.hpp"
#include "simulator/particle_transform.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/random.hpp"
#include "simulator/render.hpp"

namespace braggbench {
namespace {

constexpr double pi = std::numbers::pi;

// 3 (sin x - x cos x) / x^3.
double ball(double x) { return x < 1e-2 ? 1.0 - x * x / 10.0 : 3.0 * (std::sin(x) - x * std::cos(x)) / (x * x * x); }

double ball_e(double s, double diameter, double contrast) {
    return contrast * pi / 6.0 * std::pow(diameter, 3) * ball(pi * s * diameter);
}

Eigen::Vector3d direction(RandomStream& random) { return random.rotation().col(2); }

// A soft X-ray shot after Yang 2016: 260 x 257 pixels.
Experiment soft_shot() {
    Experiment experiment;
    experiment.beam.wavelength_A = 7.75;
    experiment.beam.fluence_photons_per_m2 = 1e24;
    experiment.detector = flat_detector(257, 260, 0.3, 580.0, 128.5, 130.0);
    return experiment;
}

Particle particle_of(const ParticleShape& shape, double s_max) {
    Particle particle;
    particle.transform = std::make_shared<const ParticleTransform>(transform_shape(shape, s_max));
    return particle;
}

TEST(ParticleTransform, SphereFollowsItsFormula) {
    constexpr double s_max = 0.02;
    ParticleShape shape;
    shape.diameter_A = 700;
    const ParticleTransform transform = transform_shape(shape, s_max);
    RandomStream random(1, 0, Stage::particles);
    double error2 = 0;
    double total2 = 0;
    for (int i = 0; i < 3000; ++i) {
        const double s = s_max * std::cbrt(random.uniform());
        const std::complex<double> f = transform(s * direction(random));
        const double expected = ball_e(s, 700, 0.43);
        // Against the amplitude's envelope at s, not its local value, which passes through 0.
        const double x = pi * s * 700;
        const double envelope = ball_e(0, 700, 0.43) * std::min(1.0, 3.0 / (x * x));
        EXPECT_NEAR(f.real(), expected, 2e-3 * envelope) << s;
        EXPECT_NEAR(f.imag(), 0.0, 2e-3 * envelope) << s;
        error2 += std::norm(f - expected);
        total2 += expected * expected;
    }
    EXPECT_LT(std::sqrt(error2 / total2), 5e-4);
    EXPECT_NEAR(transform(Eigen::Vector3d::Zero()).real() / ball_e(0, 700, 0.43), 1.0, 1e-3);
}

TEST(ParticleTransform, CoreAndSoftEdge) {
    ParticleShape shape;
    shape.diameter_A = 300;
    shape.contrast_e_per_A3 = 0.4;
    shape.core_diameter_A = 200;
    shape.core_contrast_e_per_A3 = 0.1;
    shape.edge_rms_A = 20;
    const ParticleTransform transform = transform_shape(shape, 0.03);
    RandomStream random(2, 0, Stage::particles);
    const double at_0 = ball_e(0, 300, 0.4) - ball_e(0, 200, 0.3);
    for (const double s : {0.0, 0.003, 0.007, 0.012, 0.02, 0.029}) {
        const double expected = (ball_e(s, 300, 0.4) - ball_e(s, 200, 0.3)) * std::exp(-2 * pi * pi * 400 * s * s);
        EXPECT_NEAR(transform(s * direction(random)).real(), expected, 1e-3 * at_0) << s;
    }
}

// A regular icosahedron of edge a has volume 5 (3 + sqrt 5) / 12 a^3 and moments of inertia a^2 (3 + sqrt 5) / 20 per
// axis (Coxeter); the circumscribed sphere has a diameter of a sqrt(10 + 2 sqrt 5) / 2.
TEST(ParticleTransform, IcosahedronHasItsVolumeGyrationAndSymmetry) {
    ParticleShape shape;
    shape.form = ParticleShape::Form::icosahedron;
    shape.diameter_A = 600;
    shape.contrast_e_per_A3 = 1.0;
    const ParticleTransform transform = transform_shape(shape, 0.03);
    const double edge = 600 / (0.5 * std::sqrt(10 + 2 * std::sqrt(5.0)));
    const double volume = 5 * (3 + std::sqrt(5.0)) / 12 * std::pow(edge, 3);
    const double at_0 = transform(Eigen::Vector3d::Zero()).real();
    EXPECT_NEAR(at_0 / volume, 1.0, 2e-3);
    // Rg^2 = 3/2 I / m.
    const double gyration2 = 1.5 * (3 + std::sqrt(5.0)) / 20 * edge * edge;
    const double s = 0.6 / (2 * pi * std::sqrt(gyration2));
    const double ratio = std::norm(transform(Eigen::Vector3d(s, 0, 0))) / (at_0 * at_0);
    EXPECT_NEAR(-3 * std::log(ratio) / std::pow(2 * pi * s, 2) / gyration2, 1.0, 0.02);
    // A turn by 72 degrees about a vertex leaves it alone, one by 36 degrees does not.
    const Eigen::Vector3d vertex = Eigen::Vector3d(0, std::numbers::phi, 1).normalized();
    const Eigen::Vector3d face = Eigen::Vector3d(1, 1, 1).normalized();
    const auto turned = [&](double deg) { return Eigen::AngleAxisd(deg * rad_per_deg, vertex) * face; };
    const double flare = std::abs(transform(0.02 * turned(0)));
    EXPECT_NEAR(std::abs(transform(0.02 * turned(72))) / flare, 1.0, 2e-2);
    EXPECT_LT(std::abs(transform(0.02 * turned(36))), 0.5 * flare);
    // Finer grids overfill the vertices less; this is how much it matters at most.
    const ParticleTransform finer = transform_shape(shape, 0.06);
    EXPECT_NEAR(std::abs(finer(0.02 * face)) / flare, 1.0, 4e-2);
}

TEST(ParticleTransform, GlobuleIsDrawnFromItsSeed) {
    ParticleShape shape;
    shape.form = ParticleShape::Form::globule;
    shape.diameter_A = 100;
    const auto at = [&](std::uint64_t seed) {
        shape.seed = seed;
        return transform_shape(shape, 0.05)(Eigen::Vector3d(0.01, 0.013, -0.02));
    };
    EXPECT_EQ(at(3), at(3));
    EXPECT_NE(at(3), at(4));
    const ParticleTransform transform = transform_shape(shape, 0.05);
    const double at_0 = transform(Eigen::Vector3d::Zero()).real();
    EXPECT_GT(at_0, 0.1 * ball_e(0, 100, 0.43));
    EXPECT_LT(at_0, ball_e(0, 100, 0.43));
    // Friedel's law.
    const Eigen::Vector3d s(0.02, -0.03, 0.011);
    EXPECT_NEAR(std::abs(transform(s) - std::conj(transform(-s))), 0, 1e-6 * at_0);
}

class ParticleAtomsFile : public testing::Test {
protected:
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() /
        ("braggbench_particle_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".pdb");
    void write(const std::string& text) { std::ofstream(path_) << text; }
    void TearDown() override { std::filesystem::remove(path_); }
};

// Carbon and oxygen 6 A apart against the sum of their form factors (International Tables C: f(0) of 6 and 8, with B).
TEST_F(ParticleAtomsFile, TwoAtomsInterfere) {
    write(
        "CRYST1   50.000   50.000   50.000  90.00  90.00  90.00 P 1\n"
        "ATOM      1  C   UNK A   1      10.000  20.000  30.000  1.00 20.00           C\n"
        "ATOM      2  O   UNK A   1      16.000  20.000  30.000  0.50 40.00           O\n"
        "END\n");
    const ParticleTransform transform = transform_atoms(path_, 0.25);
    const double at_0 = transform(Eigen::Vector3d::Zero()).real();
    EXPECT_NEAR(at_0, 6.0 + 0.5 * 8.0, 1e-2);
    // Middle of 6 and 4 electrons: carbon 2.4 A to the left, oxygen 3.6 A to the right.
    for (const double s : {0.05, 0.1, 0.17, 0.24}) {
        // |F(s)|^2 = c^2 + o^2 + 2 c o cos(2 pi 6 s) along x; across, c + o.
        const double across = transform(Eigen::Vector3d(0, s, 0)).real();
        const std::complex<double> along = transform(Eigen::Vector3d(s, 0, 0));
        // f of C and O at sin(theta) / lambda = 0.025 to 0.12 from International Tables C, table 6.1.1.1.
        const double stol2 = 0.25 * s * s;
        const double c = (2.31 * std::exp(-20.8439 * stol2) + 1.02 * std::exp(-10.2075 * stol2) +
                          1.5886 * std::exp(-0.5687 * stol2) + 0.865 * std::exp(-51.6512 * stol2) + 0.2156) *
                         std::exp(-20 * stol2);
        const double o = 0.5 *
                         (3.0485 * std::exp(-13.2771 * stol2) + 2.2868 * std::exp(-5.7011 * stol2) +
                          1.5463 * std::exp(-0.3239 * stol2) + 0.867 * std::exp(-32.9089 * stol2) + 0.2508) *
                         std::exp(-40 * stol2);
        EXPECT_NEAR(across, c + o, 0.01) << s;
        const std::complex<double> expected =
            c * std::polar(1.0, -2 * pi * 2.4 * s) + o * std::polar(1.0, 2 * pi * 3.6 * s);
        EXPECT_NEAR(std::abs(along - expected), 0.0, 0.01) << s;
    }
    // In water: less the electrons of the displaced volumes.
    const ParticleTransform wet = transform_atoms(path_, 0.25, {.solvent_e_per_A3 = 0.334});
    EXPECT_NEAR(wet(Eigen::Vector3d::Zero()).real(), 10.0 - 0.334 * (16.44 + 0.5 * 9.13), 1e-2);
}

TEST_F(ParticleAtomsFile, NothingThatScatters) {
    write(
        "CRYST1   50.000   50.000   50.000  90.00  90.00  90.00 P 1\n"
        "ATOM      1  C   UNK A   1      10.000  20.000  30.000  0.00 20.00           C\nEND\n");
    EXPECT_THROW(transform_atoms(path_, 0.25), DataError);
}

TEST(ParticleTransform, BadRequestsAreRefused) {
    EXPECT_THROW(transform_shape({}, 0.0), UsageError);
    EXPECT_THROW(transform_shape({}, std::nan("")), UsageError);
    ParticleShape shape;
    shape.diameter_A = -1;
    EXPECT_THROW(transform_shape(shape, 0.01), UsageError);
    shape.diameter_A = std::nan("");
    EXPECT_THROW(transform_shape(shape, 0.01), UsageError);
    shape.diameter_A = 1e5;  // 1e5 A to 2 A
    EXPECT_THROW(transform_shape(shape, 0.5), UsageError);
    shape = {};
    shape.core_diameter_A = 2 * shape.diameter_A;
    EXPECT_THROW(transform_shape(shape, 0.01), UsageError);
}

// Every pixel of one sphere against r_e^2 fluence |F|^2 solid angle polarisation.
TEST(AddParticles, SphereIsAbsoluteAtEveryPixel) {
    Experiment experiment = soft_shot();
    experiment.beam.polarization = 0.7;
    ParticleShape shape;
    shape.diameter_A = 650;
    experiment.particles.particles = {particle_of(shape, 1.01 * largest_q_invA(experiment))};
    const Image<float> image = render_background(experiment);
    double error = 0;
    double total = 0;
    for (int slow = 0; slow < 260; ++slow) {
        for (int fast = 0; fast < 257; ++fast) {
            const Eigen::Vector3d x(-(fast + 0.5 - 128.5) * 0.3, -(slow + 0.5 - 130.0) * 0.3, 580.0);
            const Eigen::Vector3d u = x.normalized();
            const double q = (u - Eigen::Vector3d::UnitZ()).norm() / 7.75;
            const double polarization = 0.5 * (1 + u.z() * u.z() - 0.7 * (u.x() * u.x() - u.y() * u.y()));
            const double solid_angle = 0.09 / x.squaredNorm() * u.z();
            const double f = ball_e(q, 650, 0.43);
            const double expected = std::pow(2.8179403262e-15, 2) * 1e24 * f * f * solid_angle * polarization;
            error += std::abs(static_cast<double>(image(fast, slow)) - expected);
            total += expected;
        }
    }
    EXPECT_GT(total, 1e4);
    EXPECT_LT(error / total, 1e-3);
}

// Guinier: the logarithm of the photons near the beam falls as (2 pi q)^2 Rg^2 / 3, Rg^2 = 3/5 R^2.
TEST(AddParticles, GuinierRadiusOfASphere) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    shape.diameter_A = 500;
    experiment.particles.particles = {particle_of(shape, 1.01 * largest_q_invA(experiment))};
    const Image<float> image = render_background(experiment);
    const double q = 10 * 0.3 / 580 / 7.75;
    const double fall = std::log(static_cast<double>(image(128, 130)) / static_cast<double>(image(138, 130)));
    const double gyration2 = 3 * fall / std::pow(2 * pi * q, 2);
    EXPECT_NEAR(std::sqrt(gyration2), std::sqrt(0.6) * 250, 0.03 * 194);
}

// Twice as large at the same density: 8 times the electrons, fringes half as wide.
TEST(AddParticles, StretchIsAnotherSize) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    shape.diameter_A = 300;
    experiment.particles.particles = {particle_of(shape, 2.02 * largest_q_invA(experiment))};
    experiment.particles.particles[0].stretch.setConstant(2.0);
    const Image<float> stretched = render_background(experiment);
    shape.diameter_A = 600;
    experiment.particles.particles = {particle_of(shape, 1.01 * largest_q_invA(experiment))};
    const Image<float> large = render_background(experiment);
    const float brightest = large(128, 130);
    for (std::size_t i = 0; i < large.size(); ++i) EXPECT_NEAR(stretched.pixels[i], large.pixels[i], 1e-3F * brightest);
}

// A prolate spheroid along lab y, twice as long as wide, has its first minimum half as far along y as along x.
TEST(AddParticles, SpheroidIsNarrowAlongItsLongAxis) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    shape.diameter_A = 400;
    Particle particle = particle_of(shape, 2.02 * largest_q_invA(experiment));
    particle.stretch = {1, 1, 2};
    // Particle z to lab y.
    particle.lab_from_particle = Eigen::AngleAxisd(-pi / 2, Eigen::Vector3d::UnitX()).toRotationMatrix();
    experiment.particles.particles = {particle};
    const Image<float> image = render_background(experiment);
    const auto first_minimum = [&](int fast_step, int slow_step) {
        int i = 3;
        while (image(128 + (i + 1) * fast_step, 130 + (i + 1) * slow_step) <
               image(128 + i * fast_step, 130 + i * slow_step))
            ++i;
        return i;
    };
    // q D = 4.493 / pi, in pixels of 0.3 / 580 / 7.75.
    const double expected_px = 4.493 / pi / 400 / (0.3 / 580 / 7.75);
    EXPECT_NEAR(first_minimum(1, 0), expected_px, 1.5);
    EXPECT_NEAR(first_minimum(0, 1), expected_px / 2, 1.5);
}

// Two equal spheres 1.2 um apart along lab x: fringes of wavelength * distance / separation, full contrast.
TEST(AddParticles, TwoParticlesMakeFringes) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    shape.diameter_A = 400;
    Particle particle = particle_of(shape, 1.01 * largest_q_invA(experiment));
    experiment.particles.particles = {particle};
    const Image<float> one = render_background(experiment);
    particle.position_um = {1.2, 0, 0};
    experiment.particles.particles.push_back(particle);
    const Image<float> two = render_background(experiment);
    const double period_px = 7.75e-7 * 580 / 1.2e-3 / 0.3;
    EXPECT_GT(period_px, 1.2);
    double worst = 0;
    for (int fast = 100; fast < 157; ++fast) {
        const double offset = fast + 0.5 - 128.5;
        // The mean of 1 + cos over the pixel's width.
        const double width = 1.0 / period_px;
        const double contrast = std::sin(pi * width) / (pi * width);
        const double expected = 2 * (1 + contrast * std::cos(2 * pi * offset / period_px));
        worst = std::max(worst, std::abs(static_cast<double>(two(fast, 130) / one(fast, 130)) - expected));
    }
    EXPECT_LT(worst, 2e-2);
    // Along the fringes nothing changes.
    EXPECT_NEAR(two(128, 110) / one(128, 110), two(128, 150) / one(128, 150), 1e-2);
}

// Coarse fringes are a sum of amplitudes; fringes much finer than a pixel leave the sum of the photons.
TEST(AddParticles, FineFringesFade) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    shape.diameter_A = 400;
    Particle particle = particle_of(shape, 1.01 * largest_q_invA(experiment));
    experiment.particles.particles = {particle};
    const Image<float> one = render_background(experiment);
    particle.position_um = {151.7, 83.2, 0};
    experiment.particles.particles.push_back(particle);
    const Image<float> two = render_background(experiment);
    for (int i = 60; i < 200; i += 7) EXPECT_NEAR(two(i, 137) / one(i, 137), 2.0F, 0.05F);
    // A spectrum of 5 % rms washes out fringes of order 20 of particles behind each other.
    experiment.particles.particles[1].position_um = {0, 0, 10};
    const Image<float> sharp = render_background(experiment);
    experiment.beam.spectrum = Spectrum::gaussian(0.05);
    const Image<float> broad = render_background(experiment);
    EXPECT_GT(std::abs(sharp(240, 137) / one(240, 137) - 2.0F) + std::abs(sharp(239, 137) / one(239, 137) - 2.0F) +
                  std::abs(sharp(238, 137) / one(238, 137) - 2.0F),
              0.5F);
    EXPECT_NEAR(broad(240, 137) / one(240, 137), 2.0F, 0.05F);
}

// Orientation only moves photons about: turned 180 degrees about the beam, the image turns.
TEST(AddParticles, TurnsWithTheParticle) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    shape.form = ParticleShape::Form::globule;
    shape.diameter_A = 500;
    Particle particle = particle_of(shape, 1.01 * largest_q_invA(experiment));
    particle.lab_from_particle = RandomStream(5, 0, Stage::particles).rotation();
    experiment.particles.particles = {particle};
    const Image<float> image = render_background(experiment);
    experiment.particles.particles[0].lab_from_particle =
        Eigen::AngleAxisd(pi, Eigen::Vector3d::UnitZ()).toRotationMatrix() * particle.lab_from_particle;
    const Image<float> turned = render_background(experiment);
    for (const auto& [fast, slow] : {std::pair(20, 40), std::pair(100, 90), std::pair(150, 222)})
        EXPECT_NEAR(turned(fast, slow), image(256 - fast, 259 - slow), 1e-4F * image(128, 130));
}

TEST(AddParticles, FaultsAreListedTogether) {
    Experiment experiment = soft_shot();
    ParticleShape shape;
    Particle particle = particle_of(shape, 0.5 * largest_q_invA(experiment));
    particle.position_um.x() = std::nan("");
    particle.lab_from_particle *= 1.1;
    particle.fluence_share = -1;
    experiment.particles.particles = {particle, {}};
    try {
        validate(experiment);
        FAIL();
    } catch (const UsageError& error) {
        const std::string text = error.what();
        for (const char* expected : {"particles[0].position_um", "particles[0].lab_from_particle", "fluence_share",
                                     "particles[0].transform reaches", "particles[1].transform is missing"})
            EXPECT_NE(text.find(expected), std::string::npos) << text;
    }
    EXPECT_THROW(
        {
            Image<float> image(257, 260);
            add_particles(experiment, image);
        },
        UsageError);
}

TEST(DrawParticles, KeyedSeparateAndInTheBeam) {
    Experiment experiment = soft_shot();
    ParticleDraw draw;
    draw.transform = particle_of({}, 0.02).transform;
    draw.count = 3;
    draw.size_rms_fraction = 0.1;
    draw.weakest_share = 0.3;
    const ParticleShot shot = draw_particles(draw, experiment.beam, 1, 7);
    const ParticleShot again = draw_particles(draw, experiment.beam, 1, 7);
    const ParticleShot other = draw_particles(draw, experiment.beam, 1, 8);
    ASSERT_EQ(shot.particles.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(shot.particles[i].position_um, again.particles[i].position_um);
        EXPECT_NE(shot.particles[i].position_um, other.particles[i].position_um);
        EXPECT_LE(shot.particles[i].position_um.head<2>().norm(), 1.5);
        EXPECT_LE(std::abs(shot.particles[i].position_um.z()), 2.5);
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_GT((shot.particles[i].position_um - shot.particles[j].position_um).norm(), 0.05);
    }
    draw.count = 64;
    Beam thin;
    thin.diameter_um = 0.1;
    draw.focus_depth_um = 0.1;
    EXPECT_THROW(draw_particles(draw, thin, 1, 0), UsageError);
    draw.transform = nullptr;
    EXPECT_THROW(draw_particles(draw, thin, 1, 0), UsageError);
}

}  // namespace
}  // namespace braggbench
