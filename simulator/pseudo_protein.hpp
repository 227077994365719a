// Built-in models: seeded atoms (C, N, O, S with riding H) with a protein's composition, density and B factors in a
// published cell and space group. They look like a protein to a diffraction experiment and hold no structure of one.
#pragma once

#include <string>

namespace gemmi {
struct Structure;
}

namespace braggbench {

// Share of the cell's volume that the published crystal's solvent takes, and the mean B of the atoms.
struct PseudoProteinTarget {
    double solvent_fraction;
    double mean_b_A2;
};
PseudoProteinTarget pseudo_protein_target(const std::string& name);

// One asymmetric unit of atoms. Throws UsageError for an unknown name.
gemmi::Structure pseudo_protein(const std::string& name);

// Throws UsageError that names the known models and the nearest of them.
[[noreturn]] void unknown_builtin(const std::string& name);

}  // namespace braggbench
