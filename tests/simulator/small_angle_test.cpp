#include "simulator/small_angle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>

#include "simulator/error.hpp"
#include "simulator/experiment.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/render.hpp"
#include "simulator/small_angle_curves.hpp"

namespace braggbench {
namespace {

constexpr double pi = std::numbers::pi;

// 512 x 512 pixels 3 m from the sample; the corner sees q = 0.021 / A.
Experiment saxs() {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.beam.polarization = 0.0;
    experiment.detector = flat_detector(512, 512, 0.172, 3000.0, 256.0, 256.0);
    return experiment;
}

double q_at(const Experiment& experiment, double fast, double slow) {
    const double radius = std::hypot(fast - 256.0, slow - 256.0) * 0.172;
    return 2 * std::sin(0.5 * std::atan2(radius, 3000.0)) / experiment.beam.wavelength_A;
}

double sum(const Image<float>& image) {
    double total = 0;
    for (const float value : image.pixels) total += static_cast<double>(value);
    return total;
}

Image<float> image_of(Experiment experiment, const SmallAngleComponent& component) {
    experiment.small_angle.components = {component};
    return render_background(experiment);
}

Ring typical_ring() {
    Ring ring;
    ring.q_invA = 0.008;
    ring.width_rms_invA = 2e-4;
    ring.photons = 1e6;
    return ring;
}

double numeric_sphere(double q, double radius, double rms) {
    double intensity = 0;
    double normal = 0;
    for (double u = -6; u <= 6; u += 0.001) {
        const double r = radius * (1 + rms * u);
        const double x = 2 * pi * q * r;
        const double amplitude = x < 1e-3 ? 1.0 : 3 * (std::sin(x) - x * std::cos(x)) / (x * x * x);
        intensity += std::exp(-0.5 * u * u) * std::pow(r, 6) * amplitude * amplitude;
        normal += std::exp(-0.5 * u * u) * std::pow(r, 6);
    }
    return intensity / normal;
}

TEST(Curves, PolydisperseSpheresFollowTheirIntegral) {
    for (const double rms : {1e-4, 0.05, 0.15}) {
        for (const double qr : {0.001, 0.004, 0.009, 0.1, 0.5, 0.715, 1.4, 3.0}) {
            const double expected = numeric_sphere(qr / 100, 100, rms);
            EXPECT_NEAR(sphere_intensity(qr / 100, 100, rms), expected, 1e-5 * expected + 1e-9) << rms << " " << qr;
        }
    }
}

TEST(Curves, MonodisperseSpheresHaveTheirMinima) {
    for (const double x : {4.493409, 7.725252, 10.904122}) {
        const double q = x / (2 * pi * 80);
        EXPECT_LT(sphere_intensity(q, 80, 0), 1e-9);
        EXPECT_GT(sphere_intensity(0.93 * q, 80, 0), 1e-6);
    }
}

TEST(Curves, CoilsAreGuinierThenIdealChains) {
    EXPECT_NEAR(coil_intensity(1e-4, 50), std::exp(-std::pow(2 * pi * 1e-4 * 50, 2) / 3), 1e-6);
    const double x = std::pow(2 * pi * 0.1 * 50, 2);
    EXPECT_NEAR(coil_intensity(0.1, 50) * x / 2, 1.0, 2e-3);
}

// S(0) = (1 - eta)^4 / (1 + 2 eta)^2 is Percus and Yevick's compressibility; S of a dilute gas is 1. For eta = 0.4 the
// first peak of the Percus-Yevick fluid lies near Q sigma = 6.8 with a height near 2.1, that at 0.49 near 7.1, 2.9
// (Ashcroft & Lekner 1966, Phys. Rev. 145, 83).
TEST(Curves, HardSpheres) {
    EXPECT_NEAR(hard_sphere_structure_factor(1e-6, 50, 0.3), std::pow(0.7, 4) / std::pow(1.6, 2), 1e-6);
    EXPECT_NEAR(hard_sphere_structure_factor(0.021 / (4 * pi * 50), 50, 0.3), std::pow(0.7, 4) / std::pow(1.6, 2),
                1e-3);
    for (const double q : {0.001, 0.01, 0.05}) EXPECT_NEAR(hard_sphere_structure_factor(q, 50, 1e-6), 1.0, 1e-4);
    double best = 0;
    double best_x = 0;
    for (double x = 4; x < 10; x += 0.01) {
        const double s = hard_sphere_structure_factor(x / (4 * pi * 50), 50, 0.49);
        if (s > best) {
            best = s;
            best_x = x;
        }
    }
    EXPECT_NEAR(best_x, 7.1, 0.15);
    EXPECT_NEAR(best, 2.85, 0.25);
}

TEST(Lattices, AllowedReflections) {
    using enum Superlattice::Symmetry;
    const auto expect = [](Superlattice::Symmetry symmetry, double scale, const std::vector<double>& squares,
                           const std::vector<int>& multiplicities) {
        const auto lines = lattice_lines(symmetry);
        ASSERT_GE(lines.size(), squares.size());
        for (std::size_t i = 0; i < squares.size(); ++i) {
            EXPECT_NEAR(lines[i].q_edge * lines[i].q_edge, scale * squares[i], 1e-9);
            if (i < multiplicities.size()) {
                EXPECT_EQ(lines[i].multiplicity, multiplicities[i]) << i;
            }
        }
    };
    expect(lamellar, 1, {1, 4, 9, 16, 25}, {2, 2, 2, 2, 2});
    expect(hexagonal, 4.0 / 3.0, {1, 3, 4, 7, 9, 12, 13}, {6, 6, 6, 12, 6, 6, 12});
    expect(simple_cubic, 1, {1, 2, 3, 4, 5, 6, 8, 9}, {6, 12, 8, 6, 24, 24, 12, 30});
    expect(bcc, 1, {2, 4, 6, 8, 10, 12, 14}, {12, 6, 24, 12, 24, 8, 48});
    expect(fcc, 1, {3, 4, 8, 11, 12, 16, 19, 20}, {8, 6, 12, 24, 8, 6, 24, 24});
    // Gyroid phases show sqrt 6, 8, 14, 16, 20, 22, 24, 26; double diamond sqrt 2, 3, 4, 6, 8, 9.
    expect(gyroid, 1, {6, 8, 14, 16, 20, 22, 24, 26}, {24, 12, 48, 6, 24, 24, 24, 48});
    expect(double_diamond, 1, {2, 3, 4, 6, 8, 9}, {12, 8, 6, 24, 12});
    expect(diamond, 1, {3, 8, 11}, {8, 12, 24});
}

// The ring's radius by the detector's geometry, and its photons over the whole circle.
TEST(AddSmallAngle, RingHasItsRadiusWidthAndPhotons) {
    const Experiment experiment = saxs();
    for (const double lorentzian : {0.0, 0.5}) {
        Ring ring = typical_ring();
        ring.lorentzian_share = lorentzian;
        const Image<float> image = image_of(experiment, ring);
        // tan(2 theta) with 2 sin(theta) = q wavelength.
        const double radius_px = 3000.0 / 0.172 * std::tan(2 * std::asin(0.5 * 0.008));
        double weight = 0;
        double first = 0;
        double second = 0;
        for (int fast = 256; fast < 512; ++fast) {
            const double r = std::hypot(fast + 0.5 - 256.0, 0.5);
            const double w = static_cast<double>(image(fast, 256));
            weight += w;
            first += w * r;
            second += w * r * r;
        }
        EXPECT_NEAR(first / weight, radius_px, 0.02);
        if (lorentzian == 0.0) {
            // The sample's width and the pixel's.
            const double width_px = std::hypot(2e-4 / (0.008 / radius_px), std::sqrt(1.0 / 12));
            EXPECT_NEAR(std::sqrt(second / weight - std::pow(first / weight, 2)), width_px, 0.05);
        }
        // Unpolarised light loses (1 - cos^2) / 2, here 3e-5.
        EXPECT_NEAR(sum(image) / 1e6, 1.0, 1e-3);
        Experiment copy = experiment;
        copy.small_angle.components = {ring};
        const auto truth = ring_truth(copy);
        ASSERT_EQ(truth.size(), 1U);
        EXPECT_NEAR(truth[0].photons_on_panels, sum(image), 1e-4 * sum(image));
        EXPECT_DOUBLE_EQ(truth[0].photons, 1e6);
        EXPECT_DOUBLE_EQ(truth[0].q_invA, 0.008);
    }
}

// A powder ring at 2 theta = 39 degrees on a wide detector: the full circle again, through the obliquity of pixels.
TEST(AddSmallAngle, WideAngleRingKeepsItsPhotons) {
    Experiment experiment;
    experiment.beam.wavelength_A = 1.0;
    experiment.beam.polarization = 0.0;
    experiment.detector = flat_detector(800, 800, 0.3, 100.0, 400.0, 400.0);
    Ring ring;
    ring.q_invA = 0.67;
    ring.width_rms_invA = 0.01;
    ring.photons = 1e5;
    const double two_theta = 2 * std::asin(0.5 * 0.67);
    const double polarization = 0.5 * (1 + std::pow(std::cos(two_theta), 2));
    EXPECT_NEAR(sum(image_of(experiment, ring)) / (1e5 * polarization), 1.0, 2e-3);
}

// A ring much sharper than a pixel is not lost between pixel centres.
TEST(AddSmallAngle, SharpRingKeepsItsPhotons) {
    Ring ring = typical_ring();
    ring.width_rms_invA = 1e-7;
    EXPECT_NEAR(sum(image_of(saxs(), ring)) / 1e6, 1.0, 2e-2);
}

TEST(AddSmallAngle, TextureMovesPhotonsAlongTheRing) {
    const Experiment experiment = saxs();
    Ring ring = typical_ring();
    const Image<float> even = image_of(experiment, ring);
    ring.texture.oriented_share = 0.9;
    ring.texture.arcs = 2;
    ring.texture.azimuth_deg = 30;
    ring.texture.arc_rms_deg = 10;
    const Image<float> arcs = image_of(experiment, ring);
    EXPECT_NEAR(sum(arcs) / sum(even), 1.0, 1e-3);
    const double radius_px = 3000.0 / 0.172 * std::tan(2 * std::asin(0.5 * 0.008));
    const auto ratio = [&](double deg) {
        // Lab +x is towards lower fast, +y towards lower slow.
        const int fast = static_cast<int>(std::floor(256 - radius_px * std::cos(deg * pi / 180)));
        const int slow = static_cast<int>(std::floor(256 - radius_px * std::sin(deg * pi / 180)));
        return static_cast<double>(arcs(fast, slow) / even(fast, slow));
    };
    // 0.9 of the photons in two arcs of an area of sqrt(2 pi) 10 degrees each, 0.1 everywhere.
    const double peak = 0.1 + 0.9 * 360 / (2 * std::sqrt(2 * pi) * 10);
    EXPECT_NEAR(ratio(30), peak, 0.02 * peak);
    EXPECT_NEAR(ratio(210), peak, 0.02 * peak);
    EXPECT_NEAR(ratio(40), 0.1 + (peak - 0.1) * std::exp(-0.5), 0.04 * peak);
    EXPECT_NEAR(ratio(120), 0.1, 0.01);
    EXPECT_NEAR(ratio(300), 0.1, 0.01);
}

TEST(AddSmallAngle, GrainsMakeSpotsOfTheSamePhotons) {
    const Experiment experiment = saxs();
    Ring ring = typical_ring();
    const Image<float> even = image_of(experiment, ring);
    ring.texture.grains = 60;
    ring.texture.grain_rms_deg = 0.6;
    const Image<float> spots = image_of(experiment, ring);
    EXPECT_NEAR(sum(spots) / sum(even), 1.0, 5e-3);
    EXPECT_GT(*std::ranges::max_element(spots.pixels), 3 * *std::ranges::max_element(even.pixels));
    EXPECT_EQ(spots.pixels, image_of(experiment, ring).pixels);
    ring.texture.grain_seed = 2;
    EXPECT_NE(spots.pixels, image_of(experiment, ring).pixels);
}

TEST(AddSmallAngle, FormFactorMinimumOnTheDetector) {
    FormFactor spheres;
    spheres.radius_A = 100;
    spheres.size_rms_fraction = 0;
    spheres.photons_per_sr = 1e12;
    const Experiment experiment = saxs();
    const Image<float> image = image_of(experiment, spheres);
    int best = 300;
    for (int fast = 300; fast < 400; ++fast) {
        if (image(fast, 256) < image(best, 256)) best = fast;
    }
    EXPECT_NEAR(q_at(experiment, best + 0.5, 256.5) * 2 * pi * 100, 4.493, 0.04);
    // Near the beam: photons per sr times the solid angle.
    EXPECT_NEAR(image(256, 256) / (1e12 * std::pow(0.172 / 3000, 2)), 1.0, 1e-3);
}

TEST(AddSmallAngle, LongBodiesScatterAcross) {
    FormFactor rods;
    rods.radius_A = 100;
    rods.size_rms_fraction = 0.05;
    rods.photons_per_sr = 1e12;
    const Image<float> round = image_of(saxs(), rods);
    rods.elongation = {2.0, 90.0};  // along lab y
    const Image<float> image = image_of(saxs(), rods);
    EXPECT_NEAR(image(256 + 40, 256) / round(256 + 40, 256), 1.0, 1e-2);
    EXPECT_NEAR(image(256, 256 + 20) / round(256, 256 + 40), 1.0, 3e-2);
}

TEST(AddSmallAngle, DiffuseKinds) {
    const Experiment experiment = saxs();
    Diffuse diffuse;
    diffuse.photons_per_sr = 1e12;
    const double per_px = 1e12 * std::pow(0.172 / 3000, 2);
    const Image<float> low = image_of(experiment, diffuse);
    EXPECT_NEAR(low(256, 256) / per_px, 1.0, 1e-2);
    // Porod: doubling q divides by 16.
    const double q1 = q_at(experiment, 356.5, 256.5);
    const double q2 = q_at(experiment, 456.5, 256.5);
    EXPECT_NEAR(std::log(static_cast<double>(low(356, 256) / low(456, 256))) / std::log(q2 / q1), 4.0, 0.2);
    diffuse.kind = Diffuse::Kind::high_q;
    diffuse.q_scale_invA = 0.005;
    const Image<float> high = image_of(experiment, diffuse);
    EXPECT_LT(high(256, 256), 1e-4 * per_px);
    EXPECT_NEAR(high(511, 511) / per_px, 1.0, 1e-2);
    diffuse.kind = Diffuse::Kind::flat;
    const Image<float> flat = image_of(experiment, diffuse);
    EXPECT_NEAR(flat(256, 256) / per_px, 1.0, 1e-4);
    EXPECT_NEAR(flat(0, 0) / per_px, 1.0, 1e-3);
}

// fcc of points: ring photons as multiplicity / q, each deposited where its q says.
TEST(AddSmallAngle, SuperlatticeRings) {
    Experiment experiment = saxs();
    Superlattice lattice;
    lattice.edge_A = 500;
    lattice.grain_size_A = 20000;
    lattice.photons = 1e6;
    lattice.most_rings = 5;
    experiment.small_angle.components = {lattice};
    const auto truth = ring_truth(experiment);
    ASSERT_EQ(truth.size(), 5U);
    EXPECT_NEAR(truth[1].q_invA / truth[0].q_invA, std::sqrt(4.0 / 3.0), 1e-9);
    EXPECT_NEAR(truth[1].photons / truth[0].photons, 6 / std::sqrt(4.0) / (8 / std::sqrt(3.0)), 1e-9);
    EXPECT_NEAR(truth[3].photons, 1e6, 1e-3);  // 311 is the brightest of points
    EXPECT_NEAR(truth[0].width_rms_invA, 0.94 / 2.3548 / 20000, 1e-8);
    double total = 0;
    for (const RingTruth& ring : truth) {
        total += ring.photons_on_panels;
        EXPECT_NEAR(ring.photons_on_panels / ring.photons, 1.0, 1e-2) << ring.order;
    }
    EXPECT_NEAR(sum(render_background(experiment)) / total, 1.0, 5e-3);
    // A unit whose form factor vanishes at 200 extinguishes it.
    lattice.unit_radius_A = 4.493409 / (2 * pi) * 500 / 2;
    experiment.small_angle.components = {lattice};
    EXPECT_LT(ring_truth(experiment)[1].photons, 1e-6 * ring_truth(experiment)[0].photons);
    // Displacements dim the higher rings by exp(-4 pi^2 q^2 u^2).
    lattice.unit_radius_A = 0;
    lattice.displacement_rms_A = 30;
    experiment.small_angle.components = {lattice};
    const auto damped = ring_truth(experiment);
    const double expected = std::exp(-4 * pi * pi * 900 * (4.0 - 3.0) / 250000) * truth[1].photons / truth[0].photons;
    EXPECT_NEAR(damped[1].photons / damped[0].photons, expected, 1e-6);
}

TEST(AddSmallAngle, HigherOrdersAreMultiples) {
    Experiment experiment = saxs();
    Ring ring = typical_ring();
    ring.q_invA = 0.004;
    ring.orders = 3;
    ring.order_decay = 0.5;
    experiment.small_angle.components = {typical_ring(), ring};
    const auto truth = ring_truth(experiment);
    ASSERT_EQ(truth.size(), 4U);
    EXPECT_EQ(truth[3].component, 1);
    EXPECT_EQ(truth[3].order, 3);
    EXPECT_NEAR(truth[3].q_invA, 0.012, 1e-12);
    EXPECT_NEAR(truth[3].photons, 2.5e5, 1e-6);
}

TEST(AddSmallAngle, NoXRaysNoPhotons) {
    Experiment experiment = saxs();
    experiment.beam.fluence_photons_per_m2 = 0;
    EXPECT_EQ(sum(image_of(experiment, typical_ring())), 0.0);
    experiment.small_angle.components = {typical_ring()};
    EXPECT_EQ(ring_truth(experiment)[0].photons, 0.0);
}

TEST(AddSmallAngle, FaultsAreListedTogether) {
    Experiment experiment = saxs();
    Ring ring = typical_ring();
    ring.q_invA = -1;
    ring.texture.arc_rms_deg = 0;
    FormFactor halo;
    halo.radius_A = std::nan("");
    Superlattice lattice;
    lattice.most_rings = 1000;
    Diffuse diffuse;
    diffuse.photons_per_sr = -3;
    experiment.small_angle.components = {ring, halo, lattice, diffuse};
    try {
        validate(experiment);
        FAIL();
    } catch (const UsageError& error) {
        const std::string text = error.what();
        for (const char* expected :
             {"small_angle.components[0].q_invA", "components[0].texture.arc_rms_deg", "components[1].radius_A",
              "components[2].most_rings", "components[3].photons_per_sr"})
            EXPECT_NE(text.find(expected), std::string::npos) << text;
    }
}

TEST(DrawSmallAngle, EveryKindIsKeyedFiniteAndBright) {
    const Experiment experiment = saxs();
    for (int kind = 0; kind <= static_cast<int>(SmallAngleScene::high_background); ++kind) {
        for (std::uint64_t image = 0; image < 5; ++image) {
            const auto scene = static_cast<SmallAngleScene>(kind);
            Experiment drawn = experiment;
            drawn.small_angle = draw_small_angle(scene, 100, experiment, 9, image);
            const Image<float> photons = render_background(drawn);
            for (const float value : photons.pixels) ASSERT_TRUE(std::isfinite(value) && value >= 0) << kind;
            const float brightest = *std::ranges::max_element(photons.pixels);
            EXPECT_GT(brightest, 15.0F) << kind;
            EXPECT_LT(brightest, 6000.0F) << kind;
            drawn.small_angle = draw_small_angle(scene, 100, experiment, 9, image);
            EXPECT_EQ(render_background(drawn).pixels, photons.pixels);
        }
    }
}

}  // namespace
}  // namespace braggbench
