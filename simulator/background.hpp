// Scattering from amorphous matter: F per molecule against s = sin(theta)/lambda, and photons on a detector.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

class Faults;
struct Experiment;

// Amorphous matter in the beam, as a slab whose scattering per molecule is tabulated.
struct AmorphousLayer {
    std::string material;  // a name from amorphous_materials(): "water", "air"
    double thickness_um = 0.0;
};

// `name` starts every message, such as "background[0].".
void check(const AmorphousLayer& layer, const std::string& name, Faults& faults);

// Adds the expected photons of the experiment's amorphous layers.
void add_background(const Experiment& experiment, Image<float>& expected_photons);

struct ScatteringPoint {
    double stol_invA;         // sin(theta) / lambda
    double f_per_molecule_e;  // square root of the scattered intensity per molecule, in electrons
};

struct AmorphousMaterial {
    std::string_view name;
    double density_g_per_cm3;
    double molar_mass_g_per_mol;
    std::span<const ScatteringPoint> table;  // ascending in stol
    std::string_view source;
};

std::span<const AmorphousMaterial> amorphous_materials();

// Throws UsageError naming the known materials.
const AmorphousMaterial& amorphous_material(const std::string& name);

// Electrons per molecule at stol, by cubic interpolation inside the table, its ends held outside.
double amorphous_f_e(const AmorphousMaterial& material, double stol_invA);

}  // namespace braggbench
