// Amorphous scattering computed from composition, bond lengths and published halo positions, for materials without a
// table that could be cited: intensities in squared electrons against s = sin(theta)/lambda in 1/A.
#pragma once

#include <gemmi/elem.hpp>
#include <span>
#include <vector>

namespace braggbench {

struct AtomCount {
    gemmi::El element;
    double count;
};

// Pairs of atoms at a mean distance within one repeat unit; `count` unordered pairs per unit.
struct AtomPair {
    gemmi::El first;
    gemmi::El second;
    double count;
    double distance_A;
};

// A liquid as its repeat units (Debye 1915, Ann. Phys. 351, 809) times a structure factor between units: a Gaussian
// halo over 1, and a dip towards q = 0 that ends at the compressibility limit. q here is 4 pi sin(theta)/lambda.
struct LiquidModel {
    std::vector<AtomCount> atoms;
    std::vector<AtomPair> pairs;
    double forward = 1.0;  // intensity at q = 0 over the square of all electrons; 1 = an ideal gas of units
    double dip_invA = 0.5;
    double halo_q_invA = 0.0;
    double halo_height = 0.0;
    double halo_rms_invA = 0.15;
};

// Sum of f^2 over the atoms, with the factors of International Tables C (1992) 6.1.1.4.
double independent_atoms_e2(std::span<const AtomCount> atoms, double stol_invA);

// Compton scattering of the atoms. H, C, N, O: Balyuzi 1975, Acta Cryst. A31, 600. He: Z - f^2 / Z, exact for one
// closed 1s shell (Waller & Hartree 1929). Others: oxygen's, scaled as Bewilogua 1931 (Phys. Z. 32, 740).
double compton_e2(std::span<const AtomCount> atoms, double stol_invA);

// Coherent intensity per unit.
double coherent_e2(const LiquidModel& model, double stol_invA);

}  // namespace braggbench
