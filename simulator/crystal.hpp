// One lattice in the beam: structure factors, orientation, block size and shape, mosaicity.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <string>

#include "simulator/peak.hpp"

namespace braggbench {

class Faults;
class StructureFactors;

// A block's interference function, 1 at a lattice point, against the distance (dh, dk, dl) from the nearest one.
enum class BlockShape {
    gaussian,        // exp(-(sum (N_i dh_i)^2) / 0.63) in amplitude: simtbx's
    gaussian_stock,  // nanoBragg's: the same with r*^2 = |dh a* + dk b* + dl c*|^2 (Na Nb Nc)^2, whatever the cell
    square,          // a parallelepiped, with its fringes
    round,           // an ellipsoid
    top_hat,         // nanoBragg's: 1 within r*^2 (Na Nb Nc)^2 < 0.3969
};

enum class MosaicLaw {
    gaussian,       // a Gaussian rotation vector
    nanobragg_cap,  // nanoBragg's: angle m (1 - u^2)^(1/3), u uniform, about a random axis
};

// The rms per axis of nanoBragg's distribution over its edge m, sqrt of 0.2464 (integral of its density).
inline constexpr double cap_rms_per_edge = 0.49639;

// The crystal is made of many blocks of cells_per_block cells that scatter incoherently to each other.
struct Crystal {
    std::shared_ptr<const StructureFactors> structure_factors;          // carries the cell
    Eigen::Matrix3d lab_from_crystal = Eigen::Matrix3d::Identity();     // a rotation
    Eigen::Vector3d cells_per_block = Eigen::Vector3d::Constant(20.0);  // Na, Nb, Nc
    BlockShape shape = BlockShape::gaussian;
    MosaicLaw mosaic_law = MosaicLaw::gaussian;
    Eigen::Vector3d mosaic_spread_rms_deg = Eigen::Vector3d::Zero();  // rotation about x, y, z of the crystal's frame
    double illuminated_volume_um3 = 1.0;
    double b_factor_A2 = 0.0;  // beyond that of the structure factors: intensity * exp(-2 B s^2), s = sin(theta)/lambda
    double diffuse_halo_fraction = 0.0;  // share of each reflection's photons in a halo, which is no part of its peak
    double diffuse_halo_rms_invA = 0.0;  // of a round Gaussian that smears the reflection into its halo
    double d_min_A = 0.0;                // no reflections beyond; 0 = as far as the structure factors go
    PeakKind kind = PeakKind::protein;   // of its peaks
};

// `name` starts every message, such as "crystals[0].".
void check(const Crystal& crystal, const std::string& name, Faults& faults);

}  // namespace braggbench
