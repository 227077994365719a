#include "simulator/spots.hpp"

#include <Eigen/Geometry>
#include <Eigen/LU>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "simulator/constants.hpp"
#include "simulator/geometry.hpp"
#include "simulator/pixel_rows.hpp"
#include "simulator/spot.hpp"
#include "simulator/structure_factors.hpp"

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

Smearing smearing_of(const Beam& beam, const Crystal& crystal, const Eigen::Matrix3d& lab_from_hkl) {
    Smearing smearing;
    smearing.wavenumber_invA = 1.0 / beam.wavelength_A;
    smearing.mosaic_rms_rad = crystal.mosaic_spread_rms_deg.x() * rad_per_deg;
    smearing.bandwidth_rms = beam.spectrum.lines.empty() ? 0.0 : beam.spectrum.lines.front().width_fraction;
    // Gaussian interference function of simtbx's nanoBragg: exp(-2 (N dh)^2 / 0.63) in intensity.
    const Eigen::Vector3d sigma = (std::sqrt(0.63) / 2.0) * crystal.cells_per_block.cwiseInverse();
    smearing.shape = lab_from_hkl * sigma.cwiseAbs2().asDiagonal() * lab_from_hkl.transpose();
    const double divergence = beam.divergence_rms_mrad * 1e-3 * smearing.wavenumber_invA;
    smearing.divergence = Eigen::Vector3d(divergence * divergence, divergence * divergence, 0.0).asDiagonal();
    return smearing;
}

// Calls visit(hkl, r) for every reflection within spot_cut_sigma of the Ewald sphere and |r| <= q_max, the origin
// excepted. Lines of lattice points along the densest axis are cut with the sphere's shell.
template <class Visit>
void walk_ewald_sphere(const Eigen::Matrix3d& lab_from_hkl, MillerIndex hkl_max, const Smearing& smearing, double q_max,
                       const Visit& visit) {
    const double k = smearing.wavenumber_invA;
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

    const double mosaic2 = smearing.mosaic_rms_rad * smearing.mosaic_rms_rad;
    const double band2 = smearing.bandwidth_rms * smearing.bandwidth_rms;
    const Eigen::Matrix3d constant = smearing.shape + smearing.divergence;
    const double widest = std::sqrt(constant.trace() + (mosaic2 + band2) * q_max * q_max);
    // |r + s0|^2 - k^2 = r^2 + 2 k r_z must lie within +-shell.
    const double thickness = spot_cut_sigma * widest;
    const double shell = 2.0 * k * thickness + thickness * thickness;
    const double cut2 = spot_cut_sigma * spot_cut_sigma;
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
            const double variance =
                normal.dot(constant * normal) + mosaic2 * (r2 - along * along) + band2 * along * along;
            if (!(distance * distance < cut2 * variance)) continue;
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
    // 1/12 is the variance of a position within its pixel.
    const Eigen::Matrix2d covariance =
        deposit.second / deposit.photons - mean * mean.transpose() + Eigen::Matrix2d::Identity() / 12.0;
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

void add_lattice(const Experiment& experiment, std::size_t lattice, double q_max, const std::vector<PanelView>& views,
                 std::vector<Peak>& peaks) {
    const Crystal& crystal = experiment.crystals[lattice];
    const StructureFactors& factors = *crystal.structure_factors;
    const Eigen::Matrix3d lab_from_hkl = crystal.lab_from_crystal * reciprocal_basis(factors.cell());
    const Smearing smearing = smearing_of(experiment.beam, crystal, lab_from_hkl);

    const double cells = crystal.cells_per_block.prod();
    constexpr double A3_per_um3 = 1e12;
    const double blocks = crystal.illuminated_volume_um3 * A3_per_um3 / (cells * volume_A3(factors.cell()));
    const double photons_per_sr_e2 = classical_electron_radius_m * classical_electron_radius_m *
                                     experiment.beam.fluence_photons_per_m2 * blocks * cells * cells;
    SpotPainter painter(smearing);
    // A point beyond the detector's corner can still be smeared onto it.
    const double reach =
        q_max + spot_cut_sigma * std::sqrt(smeared_covariance(smearing, Eigen::Vector3d(q_max, 0, 0)).trace());
    walk_ewald_sphere(lab_from_hkl, factors.hkl_max(), smearing, reach, [&](MillerIndex hkl, const Eigen::Vector3d& r) {
        if (hkl == MillerIndex{}) return;
        const auto amplitude = static_cast<double>(factors(hkl.h, hkl.k, hkl.l));
        if (amplitude <= 0.0) return;
        Deposit total;
        for (const PanelView& view : views) {
            const Panel& panel = *view.panel;
            if (!painter.place(view, r)) continue;
            const Eigen::Vector3d& direction = painter.direction();
            const Eigen::Vector3d position = direction * (view.close_mm / view.normal.dot(direction));
            Deposit deposit =
                painter.paint(photons_per_sr_e2 * amplitude * amplitude * solid_angle_sr(panel, position) *
                              polarization_factor(direction, experiment.beam.polarization) *
                              capture_fraction(experiment.detector, panel, direction));
            const Eigen::Vector2d place(panel.image_fast_px, panel.image_slow_px);
            deposit.second += deposit.first * place.transpose() + place * deposit.first.transpose() +
                              deposit.photons * place * place.transpose();
            deposit.first += deposit.photons * place;
            total.photons += deposit.photons;
            total.first += deposit.first;
            total.second += deposit.second;
        }
        if (total.photons >= static_cast<double>(listed_peak_min_photons)) {
            peaks.push_back(to_peak(hkl, lattice, total, 1.0 / r.norm()));
            peaks.back().kind = crystal.kind;
        }
    });
}

}  // namespace

void add_spots(const Experiment& experiment, Image<float>& expected_photons, std::vector<Peak>& peaks) {
    if (experiment.beam.fluence_photons_per_m2 <= 0 || experiment.crystals.empty()) return;
    const std::vector<PanelView> views = views_of(experiment.detector, expected_photons);
    const double q_max = largest_q_invA(experiment);
    for (std::size_t lattice = 0; lattice < experiment.crystals.size(); ++lattice) {
        add_lattice(experiment, lattice, q_max, views, peaks);
    }
}

}  // namespace braggbench
