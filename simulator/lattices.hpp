// Several lattices from one crystal: misoriented, cracked, smeared or twinned, with sizes of their own. Their volumes
// sum to the crystal's, so that an image's brightness does not tell how many there are. Frames: docs/frames.md.
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "simulator/crystal.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench {

class RandomStream;

enum class Misorientation {
    none,
    rms_angle,    // a Gaussian rotation vector with this rms about each axis
    fixed_angle,  // by exactly this angle, about axes drawn from the sphere
    random,       // any orientation
};

struct LatticeDraw {
    int count = 1;                                           // lattices in the beam, the first as the crystal itself
    Misorientation misorientation = Misorientation::random;  // of the others from the first
    double misorientation_deg = 0.0;
    double volume_spread = 0.0;                  // rms of ln(volume) between lattices; 0 = equal shares
    double further_volume = 0.0;                 // of each further lattice, the first being 1; 0 = by volume_spread
    double further_mosaic_spread_rms_deg = 0.0;  // about each axis, of the further lattices; 0 = as the first
    double size_spread = 0.0;                    // rms of ln(cells per block); 0 = all the same
    int pieces = 1;                              // each lattice is cracked into
    double crack_rms_deg = 0.0;                  // of the pieces about their lattice, about each axis
    double smear_rms_deg = 0.0;                  // joins each lattice's mosaic spread in quadrature
    std::string twin_law;                        // such as "k,h,-l": each piece comes with a twin; empty = none
    double twin_fraction = 0.0;                  // of the volume, from 0 to 0.5
};

// Throws UsageError that lists every fault, and for a twin law that does not map the lattice onto itself within 0.1
// degree and 0.5 % (the twin operates on indices as a proper rotation of the lattice).
std::vector<Crystal> lattices(const Crystal& crystal, const LatticeDraw& draw, RandomStream& random);

// The rotation, in the crystal's Cartesian frame, that brings the twin's lattice onto the parent's: a reflection hkl of
// the parent falls on law(hkl) of the twin. `law` is three comma-separated sums of +-h, k, l with integer factors of 1.
Eigen::Matrix3d twin_rotation(const UnitCell& cell, const std::string& law);

}  // namespace braggbench
