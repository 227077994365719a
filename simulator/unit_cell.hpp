// Unit cell, Miller index and the reciprocal basis, in angstrom and 1/angstrom.
#pragma once

#include <Eigen/Core>
#include <compare>

namespace braggbench {

struct MillerIndex {
    int h = 0;
    int k = 0;
    int l = 0;
    auto operator<=>(const MillerIndex&) const = default;
};

struct UnitCell {
    double a_A = 1.0;
    double b_A = 1.0;
    double c_A = 1.0;
    double alpha_deg = 90.0;
    double beta_deg = 90.0;
    double gamma_deg = 90.0;
    bool operator==(const UnitCell&) const = default;
};

inline constexpr double longest_cell_axis_A = 10000.0;

// Throws UsageError if a length or angle is out of range or the angles cannot meet in a corner.
void validate(const UnitCell& cell);

double volume_A3(const UnitCell& cell);

// Columns a*, b*, c* in 1/A in the crystal's Cartesian frame (PDB convention: a along x, b in the xy plane), so that
// reciprocal_basis * (h, k, l) is the reciprocal-lattice vector.
Eigen::Matrix3d reciprocal_basis(const UnitCell& cell);

// Columns a, b, c in A in the same frame (the orthogonalisation matrix).
Eigen::Matrix3d direct_basis(const UnitCell& cell);

}  // namespace braggbench
