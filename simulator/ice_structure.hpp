// Ice I as atoms: reflections of the hexagonal and the cubic form, and the scattering of layers stacked at random.
// Reciprocal lengths in 1/A without 2 pi. Cells: a = 4.498 A, c = 7.338 A (Dowell & Rinfret 1960, Nature 188, 1144) and
// sqrt(2) a. Atoms: Goto, Hondoh & Mae 1990, J. Chem. Phys. 93, 1412; hydrogen half occupied.
#pragma once

#include <vector>

#include "simulator/unit_cell.hpp"

namespace braggbench {

enum class IceForm { hexagonal, cubic };

UnitCell ice_cell(IceForm form);

// Electrons of the resting structure, without displacement factors.
double ice_structure_factor_e(IceForm form, MillerIndex hkl);

// Reflections of one powder ring that are equivalent by symmetry.
struct IceFamily {
    MillerIndex hkl;
    double s_invA = 0.0;  // 1 / d
    int multiplicity = 0;
    double f2_e2 = 0.0;                    // |F|^2 of one of them
    std::vector<double> stacking_cosines;  // |cos| of the angle between each plane's normal and the stacking axis
    bool needs_stacking = false;           // broadened and moved by stacking faults: h - k is not a multiple of 3
};

// To d = 0.7 A, by descending d; families that are extinct are left out.
const std::vector<IceFamily>& ice_families(IceForm form);

// One point of a stacking-disordered powder: intensity per volume at |q|.
struct StackedPoint {
    double q_invA;
    double stacking_cosine;  // |q_z| / |q|
    double weight;           // integral over |q| of the squared electrons per A^3
};

// The reflections with h - k not a multiple of 3, of layers of which each continues its predecessors' cubic sequence
// with probability `cubicity` and the hexagonal one otherwise, to |q| = q_max. The crystals extend over 800 nm along
// the stacking axis; smaller ones are made by broadening. Method: the geometric series of the 2 x 2 transition matrix
// (Hendricks & Teller 1942, J. Chem. Phys. 10, 147; Treacy et al. 1991, Proc. R. Soc. A433, 499).
std::vector<StackedPoint> stacked_points(double cubicity, double q_max_invA);

}  // namespace braggbench
