// Tables of amorphous scattering: electrons per molecule against s = sin(theta)/lambda in 1/A, coherent and Compton
// scattering together. Sources, models and what is missing: docs/backgrounds.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace braggbench {

struct ScatteringPoint {
    double stol_invA;         // sin(theta) / lambda
    double f_per_molecule_e;  // square root of the scattered intensity per molecule, in electrons
};

struct AmorphousMaterial {
    std::string_view name;
    double density_g_per_cm3;
    double molar_mass_g_per_mol;             // of the molecule or repeat unit that the table counts
    std::span<const ScatteringPoint> table;  // ascending in stol
    std::string_view source;
};

// Water, air, helium, solutions, oils, lipids and plastics.
std::span<const AmorphousMaterial> amorphous_materials();

// Throws UsageError naming the known materials.
const AmorphousMaterial& amorphous_material(const std::string& name);

// Electrons per molecule at stol, by cubic interpolation inside the table, its ends held outside.
double amorphous_f_e(std::span<const ScatteringPoint> table, double stol_invA);
inline double amorphous_f_e(const AmorphousMaterial& material, double stol_invA) {
    return amorphous_f_e(material.table, stol_invA);
}

// Adds weight * f^2 at stol = i * step to values[i]; one walk along the table.
void add_intensity(std::span<const ScatteringPoint> table, double step_invA, double weight, std::span<float> values);

}  // namespace braggbench
