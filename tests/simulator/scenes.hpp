// Small scenes with a known answer for the simulator's tests.
#pragma once

#include <Eigen/Geometry>
#include <cmath>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench::scenes {

// Every reflection up to hkl_max but the origin has amplitude f_e, or only those listed in `only`.
inline std::shared_ptr<const StructureFactors> flat_factors(const UnitCell& cell, MillerIndex hkl_max, float f_e,
                                                            const std::vector<MillerIndex>& only = {}) {
    std::vector<float> amplitudes;
    for (int h = -hkl_max.h; h <= hkl_max.h; ++h) {
        for (int k = -hkl_max.k; k <= hkl_max.k; ++k) {
            for (int l = -hkl_max.l; l <= hkl_max.l; ++l) {
                bool wanted = only.empty() && MillerIndex{h, k, l} != MillerIndex{};
                for (const MillerIndex& index : only) wanted = wanted || index == MillerIndex{h, k, l};
                amplitudes.push_back(wanted ? f_e : 0.0F);
            }
        }
    }
    return std::make_shared<const StructureFactors>(cell, "P 1", 1.0, hkl_max, std::move(amplitudes));
}

// The reciprocal-lattice point on the Ewald sphere with length 1 / d at an azimuth about the beam.
inline Eigen::Vector3d bragg_point_invA(double length_invA, double wavelength_A, double azimuth_rad) {
    const double z = -0.5 * length_invA * length_invA * wavelength_A;
    const double transverse = std::sqrt(length_invA * length_invA - z * z);
    return {transverse * std::cos(azimuth_rad), transverse * std::sin(azimuth_rad), z};
}

// A rotation that brings `hkl` to `target` (of the same length), turned about it by spin_rad.
inline Eigen::Matrix3d orient(const UnitCell& cell, MillerIndex hkl, const Eigen::Vector3d& target, double spin_rad) {
    const Eigen::Vector3d r = reciprocal_basis(cell) * Eigen::Vector3d(hkl.h, hkl.k, hkl.l);
    return (Eigen::AngleAxisd(spin_rad, target.normalized()) * Eigen::Quaterniond::FromTwoVectors(r, target))
        .toRotationMatrix();
}

// A scene of one reflection that meets Bragg's law at the middle of a small panel, which is part of a flat detector.
struct OneSpot {
    UnitCell cell{60, 80, 100, 90, 90, 90};
    MillerIndex hkl{6, 8, 10};
    double azimuth_rad = 0.7;
    double spin_rad = 0.3;
    double cells = 20;
    double mosaic_deg = 0;
    double bandwidth = 0;
    double divergence_mrad = 0;
    double off_bragg_deg = 0;
    MosaicLaw law = MosaicLaw::gaussian;
    SpectrumLine::Profile profile = SpectrumLine::Profile::gaussian;
    BlockShape shape = BlockShape::gaussian;
    double wavelength_A = 1.3;
    double distance_mm = 200;
    double pixel_mm = 0.172;
    int size_px = 24;
};

inline Experiment one_spot(const OneSpot& spot) {
    Experiment experiment;
    experiment.beam.wavelength_A = spot.wavelength_A;
    // `bandwidth` is an rms whatever the profile.
    experiment.beam.spectrum = spot.profile == SpectrumLine::Profile::gaussian
                                   ? Spectrum::gaussian(spot.bandwidth)
                                   : Spectrum::top_hat(spot.bandwidth * std::sqrt(12.0));
    experiment.beam.divergence_rms_mrad = spot.divergence_mrad;
    const Eigen::Vector3d unturned = reciprocal_basis(spot.cell) * Eigen::Vector3d(spot.hkl.h, spot.hkl.k, spot.hkl.l);
    const Eigen::Vector3d target = bragg_point_invA(unturned.norm(), spot.wavelength_A, spot.azimuth_rad);
    Crystal crystal;
    crystal.structure_factors = flat_factors(
        spot.cell, {std::abs(spot.hkl.h), std::abs(spot.hkl.k), std::abs(spot.hkl.l)}, 1000.0F, {spot.hkl});
    const Eigen::Vector3d rock(-std::sin(spot.azimuth_rad), std::cos(spot.azimuth_rad), 0);
    crystal.lab_from_crystal = Eigen::AngleAxisd(spot.off_bragg_deg * std::numbers::pi / 180, rock).toRotationMatrix() *
                               orient(spot.cell, spot.hkl, target, spot.spin_rad);
    crystal.cells_per_block.setConstant(spot.cells);
    crystal.mosaic_spread_rms_deg.setConstant(spot.mosaic_deg);
    crystal.mosaic_law = spot.law;
    crystal.shape = spot.shape;
    experiment.crystals.push_back(crystal);

    const Eigen::Vector3d direction = (target + Eigen::Vector3d(0, 0, 1 / spot.wavelength_A)).normalized();
    const Eigen::Vector3d hit = direction * (spot.distance_mm / direction.z());
    // Fast runs along -x and slow along -y. The spot's middle is put at an odd place within its pixel.
    experiment.detector = flat_detector(spot.size_px, spot.size_px, spot.pixel_mm, spot.distance_mm,
                                        0.5 * spot.size_px + 0.37 + hit.x() / spot.pixel_mm,
                                        0.5 * spot.size_px + 0.21 + hit.y() / spot.pixel_mm);
    return experiment;
}

}  // namespace braggbench::scenes
