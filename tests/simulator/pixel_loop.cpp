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

// What one sample draws: a place in the pixel, and numbers in (0, 1) for rotation, wavelength and source direction.
struct Draw {
    double fast, slow;
    std::array<double, 8> uniform;  // rotation 4, wavelength 2, direction 2
};

// Additive recurrence with powers of the root of x^11 = x + 1 (Roberts 2018, "The unreasonable effectiveness of
// quasirandom sequences").
std::vector<Draw> draws(int count) {
    double root = 1.1;
    for (int i = 0; i < 100; ++i) root = std::pow(1.0 + root, 1.0 / 11.0);
    std::vector<Draw> result;
    for (int n = 1; n <= count; ++n) {
        std::array<double, 10> u{};
        for (std::size_t axis = 0; axis < u.size(); ++axis) {
            double whole = 0;
            u[axis] = std::modf(0.5 + n * std::pow(root, -static_cast<double>(axis + 1)), &whole);
        }
        result.push_back({u[0], u[1], {u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9]}});
    }
    return result;
}

// Box & Muller.
Eigen::Vector2d normals(double u, double v) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - u));
    const double angle = 2.0 * std::numbers::pi * v;
    return {radius * std::cos(angle), radius * std::sin(angle)};
}

Vector6 normals(const std::array<double, 8>& u) {
    const Eigen::Vector2d first = normals(u[0], u[1]);
    const Eigen::Vector2d tilt = normals(u[6], u[7]);
    Vector6 z;
    z << first.x(), first.y(), normals(u[2], u[3]).x(), normals(u[4], u[5]).x(), tilt.x(), tilt.y();
    return z;
}

Eigen::Matrix3d rotation_by(const Eigen::Vector3d& vector_rad) {
    const double angle = vector_rad.norm();
    if (angle < 1e-15) return Eigen::Matrix3d::Identity();
    return Eigen::AngleAxisd(angle, vector_rad / angle).toRotationMatrix();
}

double cap_edge_rad(const Crystal& crystal) {
    return crystal.mosaic_spread_rms_deg.x() * rad_per_deg / cap_rms_per_edge;
}

// The rotation of a block, in the lab.
Eigen::Vector3d rotation_rad(const Crystal& crystal, const Draw& draw) {
    if (crystal.mosaic_law == MosaicLaw::nanobragg_cap) {
        // As nanoBragg draws it.
        const double r1 = 2.0 * draw.uniform[0] - 1.0;
        const double r2 = 2.0 * draw.uniform[1] - 1.0;
        const double r3 = 2.0 * draw.uniform[2] - 1.0;
        const double angle = cap_edge_rad(crystal) * std::cbrt(1.0 - r3 * r3);
        const double across = std::sqrt(1.0 - r2 * r2);
        return angle *
               Eigen::Vector3d(across * std::sin(std::numbers::pi * r1), across * std::cos(std::numbers::pi * r1), r2);
    }
    const Vector6 z = normals(draw.uniform);
    return crystal.lab_from_crystal * (rad_per_deg * crystal.mosaic_spread_rms_deg.cwiseProduct(z.head<3>()));
}

double relative_wavelength(const Spectrum& spectrum, const Draw& draw) {
    double total = 0;
    for (const SpectrumLine& line : spectrum.lines) total += line.weight;
    double sought = draw.uniform[4] * total;
    for (const SpectrumLine& line : spectrum.lines) {
        if (sought > line.weight && &line != &spectrum.lines.back()) {
            sought -= line.weight;
            continue;
        }
        const double share = std::min(sought / line.weight, 1.0 - 1e-12);
        const double deviate =
            line.profile == SpectrumLine::Profile::top_hat ? share - 0.5 : normals(share, draw.uniform[5])[0];
        return line.centre_fraction + line.width_fraction * deviate;
    }
    return 0.0;
}

Eigen::Vector3d scattering_vector(const Beam& beam, const Eigen::Vector3d& direction, double relative_wavelength,
                                  double tilt_x, double tilt_y) {
    const double tilt = beam.divergence_rms_mrad * 1e-3;
    const Eigen::Vector3d incident = Eigen::Vector3d(tilt * tilt_x, tilt * tilt_y, 1.0).normalized();
    return (direction - incident) / (beam.wavelength_A * (1.0 + relative_wavelength));
}

double shape_factor(const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl, const Eigen::Vector3d& dh) {
    const double x2 = crystal.shape == BlockShape::gaussian_stock
                          ? (lab_from_hkl * dh * crystal.cells_per_block.prod()).squaredNorm()
                          : crystal.cells_per_block.cwiseProduct(dh).squaredNorm();
    return std::exp(-2.0 * x2 / 0.63);
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
        Eigen::Matrix3d lab_from_hkl;
        Eigen::Matrix3d hkl_from_lab;
        double per_e2;
    };
    std::vector<Lattice> lattices;
    for (const Crystal& crystal : experiment.crystals) {
        const Eigen::Matrix3d lab_from_hkl =
            crystal.lab_from_crystal * reciprocal_basis(crystal.structure_factors->cell());
        lattices.push_back({&crystal, lab_from_hkl, lab_from_hkl.inverse(), photons_per_sr_e2(experiment, crystal)});
    }
    return loop(experiment, samples, [&](const Eigen::Vector3d& direction, const Draw& draw) {
        const Vector6 z = normals(draw.uniform);
        const Eigen::Vector3d q = scattering_vector(experiment.beam, direction,
                                                    relative_wavelength(experiment.beam.spectrum, draw), z[4], z[5]);
        double sum = 0.0;
        for (const Lattice& lattice : lattices) {
            const Eigen::Matrix3d turned = rotation_by(rotation_rad(*lattice.crystal, draw));
            const Eigen::Vector3d hkl = lattice.hkl_from_lab * (turned.transpose() * q);
            const Eigen::Vector3d nearest = hkl.array().round();
            const double f = static_cast<double>((*lattice.crystal->structure_factors)(
                static_cast<int>(nearest.x()), static_cast<int>(nearest.y()), static_cast<int>(nearest.z())));
            if (f > 0)
                sum += lattice.per_e2 * f * f * shape_factor(*lattice.crystal, lattice.lab_from_hkl, hkl - nearest);
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

    // Rotation about three axes, wavelength and tilts, each in units of a Gaussian that holds its law.
    const bool cap = crystal.mosaic_law == MosaicLaw::nanobragg_cap;
    const SpectrumLine line =
        experiment.beam.spectrum.lines.empty() ? SpectrumLine{} : experiment.beam.spectrum.lines.front();
    const bool top_hat = line.profile == SpectrumLine::Profile::top_hat && line.width_fraction > 0;
    const double edge = cap_edge_rad(crystal);
    const double line_scale = top_hat ? 0.5 * line.width_fraction : line.width_fraction;
    Eigen::Matrix3d turn;  // columns: rotation vectors of unit draws
    if (cap) {
        turn.col(0) = r.unitOrthogonal();
        turn.col(1) = r.cross(turn.col(0)).normalized();
        turn.col(2) = r.normalized();
        turn *= 0.8 * edge;
    } else {
        turn = crystal.lab_from_crystal * (rad_per_deg * crystal.mosaic_spread_rms_deg).asDiagonal();
    }

    // x = q - r to first order in them, and from it the Gaussian in them that matters most, a little widened.
    Eigen::Matrix3d cross;
    cross << 0, -r.z(), r.y(), r.z(), 0, -r.x(), -r.y(), r.x(), 0;
    Eigen::Matrix<double, 3, 6> slope = Eigen::Matrix<double, 3, 6>::Zero();
    slope.leftCols<3>() = cross * turn;
    if (cap) slope.col(2).setZero();
    slope.col(3) = -line_scale * r;
    slope(0, 4) = slope(1, 5) = -experiment.beam.divergence_rms_mrad * 1e-3 / experiment.beam.wavelength_A;
    Eigen::Matrix3d precision = Eigen::DiagonalMatrix<double, 3>(4.0 / 0.63 * crystal.cells_per_block.cwiseAbs2());
    if (crystal.shape == BlockShape::gaussian_stock) {
        precision = 4.0 / 0.63 * std::pow(crystal.cells_per_block.prod(), 2) * lab_from_hkl.transpose() * lab_from_hkl;
    }
    const Eigen::Matrix<double, 6, 3> gain = slope.transpose() * hkl_from_lab.transpose() * precision * hkl_from_lab;
    const Matrix6 posterior = (Matrix6::Identity() + gain * slope).inverse();
    Matrix6 spread = posterior.llt().matrixL();
    for (int i = 0; i < 6; ++i) {
        if (!slope.col(i).isZero(0)) spread.col(i) *= 1.05;
    }
    const Eigen::Matrix<double, 6, 3> pull = -posterior * gain;
    const double volume = spread.diagonal().prod();
    return loop(experiment, samples, [&](const Eigen::Vector3d& direction, const Draw& draw) {
        const Vector6 z = normals(draw.uniform);
        const Eigen::Vector3d offset = (direction - Eigen::Vector3d::UnitZ()) / experiment.beam.wavelength_A - r;
        const Vector6 drawn = pull * offset + spread * z;
        // The ratio of densities, both without their (2 pi)^(-1/2) per axis.
        double weight = volume * std::exp(0.5 * z.squaredNorm() - 0.5 * drawn.tail<2>().squaredNorm());
        const double root_two_pi = std::sqrt(2.0 * std::numbers::pi);
        if (top_hat) {
            if (std::abs(drawn[3]) > 1.0) return 0.0;
            weight *= 0.5 * root_two_pi;
        } else {
            weight *= std::exp(-0.5 * drawn[3] * drawn[3]);
        }
        Eigen::Vector3d rotation = turn * drawn.head<3>();
        if (cap) {
            // The third component is sqrt(1 - x^2 - y^2) sin(phi) of the edge, which makes the density finite: 3 / (8
            // pi) sqrt((1 + w) / (1 + w + w^2)) in x, y and phi.
            const Eigen::Vector2d across = 0.8 * drawn.head<2>();
            const double room = 1.0 - across.squaredNorm();
            if (room <= 0) return 0.0;
            const double share = 0.5 * std::erfc(-z[2] / std::numbers::sqrt2);
            const double along = std::sqrt(room) * std::sin(std::numbers::pi * (share - 0.5));
            const double w = std::sqrt(across.squaredNorm() + along * along);
            weight *= 3.0 / 8.0 * std::sqrt((1.0 + w) / (1.0 + w + w * w)) * 0.64 * root_two_pi * root_two_pi /
                      (spread(2, 2) * std::exp(0.5 * z[2] * z[2]));
            rotation = turn.leftCols<2>() * drawn.head<2>() + turn.col(2) / 0.8 * along;
        } else {
            weight *= std::exp(-0.5 * drawn.head<3>().squaredNorm());
        }
        const Eigen::Vector3d q = scattering_vector(experiment.beam, direction,
                                                    line.centre_fraction + line_scale * drawn[3], drawn[4], drawn[5]);
        const Eigen::Vector3d hkl = hkl_from_lab * (rotation_by(rotation).transpose() * q);
        return per_sr * weight * shape_factor(crystal, lab_from_hkl, hkl - target);
    });
}

}  // namespace braggbench
