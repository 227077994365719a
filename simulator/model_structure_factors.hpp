// From atoms in memory to amplitudes: the step that coordinate files and the built-in models share.
#pragma once

#include "simulator/structure_factors.hpp"

namespace gemmi {
struct Structure;
}

namespace braggbench {

// |F| in electrons of the first model, which holds one asymmetric unit, with the space group's absences exactly 0 and
// equivalent reflections exactly equal. Form factors: IT92 (International Tables C), neutral atoms, no dispersion.
// Throws UsageError for a d_min that is not in (0.5, 50] A or needs more memory than is sensible.
StructureFactors structure_factors_from_model(const gemmi::Structure& structure, double d_min_A,
                                              const BulkSolvent& solvent);

// Throws UsageError unless d_min_A is in (0.5, 50].
void check_d_min(double d_min_A);

}  // namespace braggbench
