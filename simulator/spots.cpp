#include "simulator/spots.hpp"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "simulator/constants.hpp"
#include "simulator/faults.hpp"
#include "simulator/geometry.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/spot.hpp"
#include "simulator/structure_factors.hpp"
#include "simulator/wavelength_smearing.hpp"

namespace braggbench {
namespace {

std::vector<PanelView> views_of(const Detector& detector, Image<float>& image) {
    std::vector<PanelView> views;
    views.reserve(detector.panels.size());
    for (const Panel& panel : detector.panels) {
        views.emplace_back(panel, image.pixels.data() + image.index(panel.image_fast_px, panel.image_slow_px),
                           image.width);
    }
    return views;
}

// Covariance of a block's shape transform, in intensity.
Eigen::Matrix3d shape_covariance(const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl) {
    // exp(-2 x^2 / 0.63) in intensity, x = N dh (simtbx) or Na Nb Nc |q - r| in 1/A (nanoBragg).
    constexpr double variance = 0.63 / 4.0;
    if (crystal.shape == BlockShape::gaussian_stock) {
        const double cells = crystal.cells_per_block.prod();
        return variance / (cells * cells) * Eigen::Matrix3d::Identity();
    }
    const Eigen::Vector3d per_axis = variance * crystal.cells_per_block.cwiseAbs2().cwiseInverse();
    return lab_from_hkl * per_axis.asDiagonal() * lab_from_hkl.transpose();
}

// The spectrum is added by the caller.
Smearing smearing_of(const Beam& beam, const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl) {
    Smearing smearing;
    smearing.shape = shape_covariance(crystal, lab_from_hkl);
    const double divergence = beam.divergence_rms_mrad * 1e-3 / beam.wavelength_A;
    smearing.divergence = Eigen::Vector3d(divergence * divergence, divergence * divergence, 0.0).asDiagonal();
    const Eigen::Vector3d rotation = (rad_per_deg * crystal.mosaic_spread_rms_deg).cwiseAbs2();
    smearing.rotation = crystal.lab_from_crystal * rotation.asDiagonal() * crystal.lab_from_crystal.transpose();
    smearing.mosaic_law = crystal.mosaic_law;
    smearing.hkl_from_lab = lab_from_hkl.inverse();
    const Eigen::Matrix3d in_indices = smearing.hkl_from_lab * smearing.shape * smearing.hkl_from_lab.transpose();
    smearing.clipped = 0.5 < spot_cut_sigma * std::sqrt(in_indices.diagonal().maxCoeff());
    return smearing;
}

// Calls visit(hkl, r) for every reflection within spot_cut_sigma of the Ewald sphere and |r| <= q_max, the origin
// excepted. Lines of lattice points along the densest axis are cut with the sphere's shell.
template <class Visit>
void walk_ewald_sphere(const Eigen::Matrix3d& lab_from_hkl, MillerIndex hkl_max, const Smearing& smearing, double q_max,
                       const Visit& visit) {
    const WavelengthSmearing& wavelengths = *smearing.wavelengths;
    const double k = wavelengths.wavenumber_invA();
    std::array<int, 3> axis = {0, 1, 2};
    std::ranges::stable_sort(axis, std::greater<>{}, [&](int i) { return lab_from_hkl.col(i).squaredNorm(); });
    const std::array<int, 3> box = {hkl_max.h, hkl_max.k, hkl_max.l};
    const Eigen::Matrix3d hkl_from_lab = lab_from_hkl.inverse();
    const auto limit = [&](std::size_t i) {
        const double reach = q_max * hkl_from_lab.row(axis[i]).norm();
        return static_cast<int>(
            std::min(std::floor(reach), static_cast<double>(box[static_cast<std::size_t>(axis[i])])));
    };
    const int limit0 = limit(0);
    const int limit1 = limit(1);
    const double limit2 = box[static_cast<std::size_t>(axis[2])];
    const Eigen::Vector3d a = lab_from_hkl.col(axis[0]);
    const Eigen::Vector3d b = lab_from_hkl.col(axis[1]);
    const Eigen::Vector3d c = lab_from_hkl.col(axis[2]);

    const double half_range = wavelengths.half_range();
    const double band2 = half_range > 0 ? 0.0 : wavelengths.rms() * wavelengths.rms();
    const Eigen::Matrix3d constant = smearing.blur();
    const bool rotates = !smearing.rotation.isZero(0);
    // Of a reflection near the sphere, the part along the sphere's normal is about r^2 / 2 k.
    const double along_max = std::min(q_max, 0.75 * q_max * q_max / k);
    const double widest =
        std::sqrt(largest_eigenvalue(constant) + largest_eigenvalue(smearing.rotation) * q_max * q_max +
                  band2 * along_max * along_max);
    // |r + s0|^2 - k^2 = r^2 + 2 k r_z must lie within +-shell.
    const double thickness = spot_cut_sigma * widest + half_range * along_max;
    const double shell = 2.0 * k * thickness + thickness * thickness;
    const double cc = c.squaredNorm();

    std::array<int, 3> index{};
    const auto try_range = [&](const Eigen::Vector3d& p, double from, double to) {
        const auto first = static_cast<int>(std::max(std::ceil(from), -limit2));
        const auto last = static_cast<int>(std::min(std::floor(to), limit2));
        for (int n = first; n <= last; ++n) {
            const Eigen::Vector3d r = p + n * c;
            const double r2 = r.squaredNorm();
            if (r2 > q_max * q_max) continue;
            const double excess = r2 + 2.0 * k * r.z();
            const double length = std::sqrt(std::max(k * k + excess, 0.0));
            const double distance = excess / (length + k);
            const Eigen::Vector3d normal = (r + Eigen::Vector3d(0, 0, k)) / length;
            const double along = normal.dot(r);
            double variance = normal.dot(constant * normal) + band2 * along * along;
            if (rotates) {
                const Eigen::Vector3d lever = r.cross(normal);
                variance += lever.dot(smearing.rotation * lever);
            }
            const double reach = spot_cut_sigma * std::sqrt(variance) + half_range * std::abs(along);
            if (!(std::abs(distance) < reach)) continue;
            index[static_cast<std::size_t>(axis[2])] = n;
            visit(MillerIndex{index[0], index[1], index[2]}, r);
        }
    };
    for (int i = -limit0; i <= limit0; ++i) {
        index[static_cast<std::size_t>(axis[0])] = i;
        for (int j = -limit1; j <= limit1; ++j) {
            index[static_cast<std::size_t>(axis[1])] = j;
            const Eigen::Vector3d p = i * a + j * b;
            const double middle = -(c.dot(p) + k * c.z()) / cc;
            const double excess = (p.squaredNorm() + 2.0 * k * p.z()) / cc;
            const double outer2 = middle * middle - excess + shell / cc;
            if (outer2 < 0) continue;
            const double outer = std::sqrt(outer2);
            const double inner2 = middle * middle - excess - shell / cc;
            if (inner2 <= 0) {
                try_range(p, middle - outer, middle + outer);
            } else {
                // Open at the inner ends, so that no point can be visited twice.
                const double inner = std::sqrt(inner2);
                try_range(p, middle - outer, std::nextafter(middle - inner, middle - outer));
                try_range(p, std::nextafter(middle + inner, middle + outer), middle + outer);
            }
        }
    }
}

Peak to_peak(MillerIndex hkl, std::size_t lattice, const Deposit& deposit, double d_A) {
    const Eigen::Vector2d mean = deposit.first / deposit.photons;
    const Eigen::Matrix2d covariance = deposit.second / deposit.photons - mean * mean.transpose();
    Peak peak;
    peak.hkl = hkl;
    peak.lattice = static_cast<std::uint8_t>(lattice);
    peak.fast_px = static_cast<float>(mean.x());
    peak.slow_px = static_cast<float>(mean.y());
    peak.photons = static_cast<float>(deposit.photons);
    peak.var_fast_px2 = static_cast<float>(covariance(0, 0));
    peak.var_slow_px2 = static_cast<float>(covariance(1, 1));
    peak.cov_px2 = static_cast<float>(covariance(0, 1));
    peak.d_A = static_cast<float>(d_A);
    return peak;
}

// Paints every reflection of one lattice with one smearing; tell(hkl, deposit, d) hears of each.
template <class Tell>
void paint_lattice(const Experiment& experiment, const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl,
                   const Smearing& smearing, double photons_per_sr_e2, double q_max,
                   const std::vector<PanelView>& views, const Tell& tell) {
    const StructureFactors& factors = *crystal.structure_factors;
    SpotPainter painter(smearing);
    const double kahn = experiment.beam.polarization;
    walk_ewald_sphere(lab_from_hkl, factors.hkl_max(), smearing, q_max, [&](MillerIndex hkl, const Eigen::Vector3d& r) {
        if (hkl == MillerIndex{}) return;
        const auto amplitude = static_cast<double>(factors(hkl.h, hkl.k, hkl.l));
        if (amplitude <= 0.0) return;
        const double r2 = r.squaredNorm();
        const double per_sr = photons_per_sr_e2 * amplitude * amplitude * std::exp(-0.5 * crystal.b_factor_A2 * r2);
        Deposit total;
        bool set = false;
        for (const PanelView& view : views) {
            if (!painter.may_reach(view, r)) continue;
            if (!std::exchange(set, true)) painter.set_reflection(r);
            if (!painter.place(view)) continue;
            const Panel& panel = *view.panel;
            const Eigen::Vector3d& direction = painter.direction();
            const Eigen::Vector3d position = direction * (view.close_mm / view.normal.dot(direction));
            const double polarization = polarization_factor(direction, kahn);
            // Of 0.5 (1 + z^2 - K (x^2 - y^2)).
            const Eigen::Vector3d gradient(-kahn * direction.x(), kahn * direction.y(), direction.z());
            const Eigen::Vector2d slope =
                painter.direction_per_px().transpose() * gradient / std::max(polarization, 1e-6);
            Deposit deposit = painter.paint(per_sr * solid_angle_sr(panel, position) * polarization *
                                                capture_fraction(experiment.detector, panel, direction),
                                            slope);
            const Eigen::Vector2d place(panel.image_fast_px, panel.image_slow_px);
            deposit.second += deposit.first * place.transpose() + place * deposit.first.transpose() +
                              deposit.photons * place * place.transpose();
            deposit.first += deposit.photons * place;
            total.photons += deposit.photons;
            total.first += deposit.first;
            total.second += deposit.second;
        }
        if (set) tell(hkl, total, 1.0 / std::sqrt(r2));
    });
}

void add_lattice(const Experiment& experiment, std::size_t lattice, double q_max, const std::vector<PanelView>& views,
                 std::vector<Peak>& peaks) {
    const Crystal& crystal = experiment.crystals[lattice];
    const StructureFactors& factors = *crystal.structure_factors;
    const Eigen::Matrix3d lab_from_hkl = crystal.lab_from_crystal * reciprocal_basis(factors.cell());
    Smearing smearing = smearing_of(experiment.beam, crystal, lab_from_hkl);

    const double cells = crystal.cells_per_block.prod();
    constexpr double A3_per_um3 = 1e12;
    const double blocks = crystal.illuminated_volume_um3 * A3_per_um3 / (cells * volume_A3(factors.cell()));
    const double photons_per_sr_e2 = classical_electron_radius_m * classical_electron_radius_m *
                                     experiment.beam.fluence_photons_per_m2 * blocks * cells * cells;
    const Eigen::Matrix3d blur = smearing.shape + smearing.divergence;
    const double finest_blur =
        std::sqrt(Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d>(blur, Eigen::EigenvaluesOnly).eigenvalues().x()) /
        q_max;
    const WavelengthSmearing wavelengths(experiment.beam, finest_blur);
    smearing.wavelengths = &wavelengths;

    const double halo = crystal.diffuse_halo_fraction;
    // A point beyond the detector's corner can still be smeared onto it.
    const auto farthest = [&](const Smearing& with) {
        const double smeared =
            largest_eigenvalue(with.blur()) +
            (largest_eigenvalue(with.rotation) + wavelengths.rms() * wavelengths.rms()) * q_max * q_max;
        const double reach = q_max * (1.0 + wavelengths.half_range()) + spot_cut_sigma * std::sqrt(smeared);
        return crystal.d_min_A > 0 ? std::min(reach, 1.0 / crystal.d_min_A) : reach;
    };
    paint_lattice(experiment, crystal, lab_from_hkl, smearing, (1.0 - halo) * photons_per_sr_e2, farthest(smearing),
                  views, [&](MillerIndex hkl, const Deposit& deposit, double d_A) {
                      if (deposit.photons >= static_cast<double>(listed_peak_min_photons)) {
                          peaks.push_back(to_peak(hkl, lattice, deposit, d_A));
                          peaks.back().kind = crystal.kind;
                      }
                  });
    if (halo > 0) {
        Smearing wide = smearing;
        wide.halo = crystal.diffuse_halo_rms_invA * crystal.diffuse_halo_rms_invA * Eigen::Matrix3d::Identity();
        paint_lattice(experiment, crystal, lab_from_hkl, wide, halo * photons_per_sr_e2, farthest(wide), views,
                      [](MillerIndex, const Deposit&, double) {});
    }
}

void require_gaussian_shapes(const Experiment& experiment) {
    Faults faults;
    for (std::size_t lattice = 0; lattice < experiment.crystals.size(); ++lattice) {
        const BlockShape shape = experiment.crystals[lattice].shape;
        if (shape == BlockShape::gaussian || shape == BlockShape::gaussian_stock) continue;
        faults.add(fmt::format(
            "crystals[{}].shape (the spots integrator knows the shapes gaussian and gaussian_stock only). Take one "
            "of those, or use the pixels integrator.",
            lattice));
    }
    faults.report();
}

}  // namespace

void add_spots(const Experiment& experiment, Image<float>& expected_photons, std::vector<Peak>& peaks) {
    require_gaussian_shapes(experiment);
    if (experiment.beam.fluence_photons_per_m2 <= 0) return;
    const std::vector<PanelView> views = views_of(experiment.detector, expected_photons);
    const double q_max = largest_q_invA(experiment);
    for (std::size_t lattice = 0; lattice < experiment.crystals.size(); ++lattice) {
        add_lattice(experiment, lattice, q_max, views, peaks);
    }
}

}  // namespace braggbench
