#include "tests/simulator/pixel_loop.hpp"

#include <Eigen/Dense>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "simulator/constants.hpp"
#include "simulator/geometry.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {
namespace {

using Matrix6 = Eigen::Matrix<double, 6, 6>;
using Vector6 = Eigen::Matrix<double, 6, 1>;

// What one sample draws: a place in the pixel, and standard normals for rotation, wavelength and source direction.
struct Draw {
    double fast, slow;
    Eigen::Vector3d rotation;
    double wavelength;
    double tilt_x, tilt_y;
};

// Additive recurrence with powers of the root of x^9 = x + 1 (Roberts 2018, "The unreasonable effectiveness of
// quasirandom sequences"), normals by Box & Muller.
std::vector<Draw> draws(int count) {
    double root = 1.1;
    for (int i = 0; i < 100; ++i) root = std::pow(1.0 + root, 1.0 / 9.0);
    std::vector<Draw> result;
    for (int n = 1; n <= count; ++n) {
        std::array<double, 8> u{};
        for (std::size_t axis = 0; axis < u.size(); ++axis) {
            double whole = 0;
            u[axis] = std::modf(0.5 + n * std::pow(root, -static_cast<double>(axis + 1)), &whole);
        }
        std::array<double, 6> z{};
        for (std::size_t pair = 0; pair < 3; ++pair) {
            const double radius = std::sqrt(-2.0 * std::log(1.0 - u[2 + 2 * pair]));
            const double angle = 2.0 * std::numbers::pi * u[3 + 2 * pair];
            z[2 * pair] = radius * std::cos(angle);
            z[2 * pair + 1] = radius * std::sin(angle);
        }
        result.push_back({u[0], u[1], Eigen::Vector3d(z[0], z[1], z[2]), z[3], z[4], z[5]});
    }
    return result;
}

Eigen::Matrix3d rotation_by(const Eigen::Vector3d& vector_rad) {
    const double angle = vector_rad.norm();
    if (angle < 1e-15) return Eigen::Matrix3d::Identity();
    return Eigen::AngleAxisd(angle, vector_rad / angle).toRotationMatrix();
}

double bandwidth(const Beam& beam) {
    return beam.spectrum.lines.empty() ? 0.0 : beam.spectrum.lines.front().width_fraction;
}

Eigen::Vector3d scattering_vector(const Beam& beam, const Eigen::Vector3d& direction, const Draw& draw) {
    const double tilt = beam.divergence_rms_mrad * 1e-3;
    const Eigen::Vector3d incident = Eigen::Vector3d(tilt * draw.tilt_x, tilt * draw.tilt_y, 1.0).normalized();
    return (direction - incident) / (beam.wavelength_A * (1.0 + bandwidth(beam) * draw.wavelength));
}

double gaussian_shape(const Crystal& crystal, const Eigen::Vector3d& dh) {
    return std::exp(-2.0 * crystal.cells_per_block.cwiseProduct(dh).squaredNorm() / 0.63);
}

double photons_per_sr_e2(const Experiment& experiment, const Crystal& crystal) {
    const double cells = crystal.cells_per_block.prod();
    const double blocks =
        crystal.illuminated_volume_um3 * 1e12 / (cells * volume_A3(crystal.structure_factors->cell()));
    return classical_electron_radius_m * classical_electron_radius_m * experiment.beam.fluence_photons_per_m2 * blocks *
           cells * cells;
}

// Calls sample(direction, draw), which returns F^2 F_latt^2 of all crystals in photons per sr, for all samples.
template <class Sample>
Image<double> loop(const Experiment& experiment, int samples, const Sample& sample) {
    const std::vector<Draw> sequence = draws(samples);
    Image<double> image(experiment.detector.image_width_px, experiment.detector.image_height_px);
    for (const Panel& panel : experiment.detector.panels) {
        for (int slow = 0; slow < panel.height_px; ++slow) {
            for (int fast = 0; fast < panel.width_px; ++fast) {
                double sum = 0.0;
                for (const Draw& draw : sequence) {
                    const Eigen::Vector3d position = lab_from_panel_mm(panel, fast + draw.fast, slow + draw.slow);
                    const Eigen::Vector3d direction = position.normalized();
                    const double per_sr = sample(direction, draw);
                    if (per_sr > 0) {
                        sum += per_sr * solid_angle_sr(panel, position) *
                               polarization_factor(direction, experiment.beam.polarization) *
                               capture_fraction(experiment.detector, panel, direction);
                    }
                }
                image(panel.image_fast_px + fast, panel.image_slow_px + slow) += sum / samples;
            }
        }
    }
    return image;
}

}  // namespace

Image<double> pixel_loop(const Experiment& experiment, int samples) {
    struct Lattice {
        const Crystal* crystal;
        Eigen::Matrix3d hkl_from_lab;
        double per_e2;
    };
    std::vector<Lattice> lattices;
    for (const Crystal& crystal : experiment.crystals) {
        const Eigen::Matrix3d lab_from_hkl =
            crystal.lab_from_crystal * reciprocal_basis(crystal.structure_factors->cell());
        lattices.push_back({&crystal, lab_from_hkl.inverse(), photons_per_sr_e2(experiment, crystal)});
    }
    return loop(experiment, samples, [&](const Eigen::Vector3d& direction, const Draw& draw) {
        const Eigen::Vector3d q = scattering_vector(experiment.beam, direction, draw);
        double sum = 0.0;
        for (const Lattice& lattice : lattices) {
            const double spread = lattice.crystal->mosaic_spread_rms_deg.x() * rad_per_deg;
            const Eigen::Vector3d hkl = lattice.hkl_from_lab * (rotation_by(spread * draw.rotation).transpose() * q);
            const Eigen::Vector3d nearest = hkl.array().round();
            const double f = static_cast<double>((*lattice.crystal->structure_factors)(
                static_cast<int>(nearest.x()), static_cast<int>(nearest.y()), static_cast<int>(nearest.z())));
            if (f > 0) sum += lattice.per_e2 * f * f * gaussian_shape(*lattice.crystal, hkl - nearest);
        }
        return sum;
    });
}

Image<double> pixel_loop(const Experiment& experiment, MillerIndex index, int samples) {
    const Crystal& crystal = experiment.crystals.front();
    const Eigen::Matrix3d lab_from_hkl = crystal.lab_from_crystal * reciprocal_basis(crystal.structure_factors->cell());
    const Eigen::Matrix3d hkl_from_lab = lab_from_hkl.inverse();
    const Eigen::Vector3d target(index.h, index.k, index.l);
    const Eigen::Vector3d r = lab_from_hkl * target;
    const double f = static_cast<double>((*crystal.structure_factors)(index.h, index.k, index.l));
    const double per_sr = photons_per_sr_e2(experiment, crystal) * f * f;

    // x = q - r to first order in the six standard normals of a draw, and from it the Gaussian in them that matters
    // most, a little widened.
    Eigen::Matrix3d cross;
    cross << 0, -r.z(), r.y(), r.z(), 0, -r.x(), -r.y(), r.x(), 0;
    Eigen::Matrix<double, 3, 6> slope = Eigen::Matrix<double, 3, 6>::Zero();
    slope.leftCols<3>() = crystal.mosaic_spread_rms_deg.x() * rad_per_deg * cross;
    slope.col(3) = -bandwidth(experiment.beam) * r;
    slope(0, 4) = slope(1, 5) = -experiment.beam.divergence_rms_mrad * 1e-3 / experiment.beam.wavelength_A;
    const Eigen::DiagonalMatrix<double, 3> precision(4.0 / 0.63 * crystal.cells_per_block.cwiseAbs2());
    const Eigen::Matrix<double, 6, 3> gain = slope.transpose() * hkl_from_lab.transpose() * precision * hkl_from_lab;
    const Matrix6 posterior = (Matrix6::Identity() + gain * slope).inverse();
    Matrix6 spread = posterior.llt().matrixL();
    for (int i = 0; i < 6; ++i) {
        if (!slope.col(i).isZero(0)) spread.col(i) *= 1.05;
    }
    const Eigen::Matrix<double, 6, 3> pull = -posterior * gain;
    const double volume = spread.diagonal().prod();
    const double mosaic_rad = crystal.mosaic_spread_rms_deg.x() * rad_per_deg;
    return loop(experiment, samples, [&](const Eigen::Vector3d& direction, const Draw& prior) {
        Vector6 z;
        z << prior.rotation, prior.wavelength, prior.tilt_x, prior.tilt_y;
        const Eigen::Vector3d offset = (direction - Eigen::Vector3d::UnitZ()) / experiment.beam.wavelength_A - r;
        const Vector6 drawn = pull * offset + spread * z;
        const double weight = volume * std::exp(0.5 * z.squaredNorm() - 0.5 * drawn.squaredNorm());
        const Draw draw{0, 0, drawn.head<3>(), drawn[3], drawn[4], drawn[5]};
        const Eigen::Vector3d q = scattering_vector(experiment.beam, direction, draw);
        const Eigen::Vector3d hkl = hkl_from_lab * (rotation_by(mosaic_rad * draw.rotation).transpose() * q);
        return per_sr * weight * gaussian_shape(crystal, hkl - target);
    });
}

}  // namespace braggbench
