#include "simulator/crystal.hpp"

#include <Eigen/LU>
#include <cmath>

#include "simulator/faults.hpp"
#include "simulator/structure_factors.hpp"

namespace braggbench {

void check(const Crystal& crystal, const std::string& name, Faults& faults) {
    if (!crystal.structure_factors) {
        faults.add(name + "structure_factors (there are none). Load a model.");
    } else {
        const double volume = volume_A3(crystal.structure_factors->cell());
        faults.require(volume > 0, name + "cell volume", volume, "a cell has a positive volume", "Check the cell.");
    }
    const Eigen::Matrix3d& u = crystal.lab_from_crystal;
    if (!u.allFinite() || !(u * u.transpose()).isIdentity(1e-6) || u.determinant() < 0) {
        faults.add(name + "lab_from_crystal (it is not a rotation). Give an orthonormal matrix of determinant 1.");
    }
    for (const double cells : crystal.cells_per_block) {
        faults.require(cells >= 1 && cells <= 1e6, name + "cells_per_block", cells,
                       "a block has from 1 to 1e6 cells along each axis", "Give three numbers such as 20.");
    }
    for (const double spread : crystal.mosaic_spread_rms_deg) {
        faults.require(spread >= 0 && spread <= 5, name + "mosaic_spread_rms_deg", spread,
                       "the small-angle mosaic spread holds from 0 to 5 degrees",
                       "Give the rms rotation about each axis.");
    }
    if (crystal.mosaic_law == MosaicLaw::nanobragg_cap &&
        (crystal.mosaic_spread_rms_deg.array() != crystal.mosaic_spread_rms_deg.x()).any()) {
        faults.add(name +
                   "mosaic_spread_rms_deg (nanoBragg's distribution is isotropic). Give one value for all axes.");
    }
    faults.require(std::abs(crystal.b_factor_A2) <= 500, name + "b_factor_A2", crystal.b_factor_A2,
                   "an overall B factor lies within 500 A^2", "Give it in square angstrom, such as 20.");
    faults.require(crystal.diffuse_halo_fraction >= 0 && crystal.diffuse_halo_fraction < 1,
                   name + "diffuse_halo_fraction", crystal.diffuse_halo_fraction,
                   "a share of the photons lies from 0 to below 1", "Give 0 for no halo.");
    faults.require(crystal.diffuse_halo_rms_invA >= 0 && crystal.diffuse_halo_rms_invA <= 0.1,
                   name + "diffuse_halo_rms_invA", crystal.diffuse_halo_rms_invA,
                   "the halo of a reflection reaches from 0 to 0.1 1/A", "Give its rms, such as 0.001.");
    faults.require(crystal.d_min_A >= 0, name + "d_min_A", crystal.d_min_A, "a resolution cannot be negative",
                   "Give it in angstrom, or 0 for no limit.");
    faults.require(crystal.illuminated_volume_um3 > 0, name + "illuminated_volume_um3", crystal.illuminated_volume_um3,
                   "a crystal in the beam has a volume", "Leave the crystal out where there is none.");
}

}  // namespace braggbench
