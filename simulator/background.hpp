// Smooth scattering in expected photons: amorphous layers by material or from a file, a measured radial profile, smooth
// rings of ice and jet streaks. s = sin(theta)/lambda in 1/A.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "simulator/image.hpp"
#include "simulator/materials.hpp"

namespace braggbench {

class Faults;
struct Experiment;

// A user's material: what a molecule (or atom, or repeat unit) scatters, and how many there are.
struct ScatteringCurve {
    std::vector<ScatteringPoint> points;  // ascending in stol
    double density_g_per_cm3 = 0.0;
    double molar_mass_g_per_mol = 0.0;
};

// Reads text: lines "density_g_per_cm3 1.0", "molar_mass_g_per_mol 18.015" (of what one molecule of the table weighs),
// "columns X Y" with X one of stol_invA, q_invA (4 pi sin(theta)/lambda), s_invA (2 sin(theta)/lambda) and Y one of
// intensity_e2 (squared electrons per molecule), amplitude_e; then rows of numbers, ascending in X. '#' starts a
// comment. Throws DataError naming file and line.
std::shared_ptr<const ScatteringCurve> load_scattering_curve(const std::filesystem::path& file);

// Amorphous matter in the beam, as a slab whose scattering per molecule is tabulated.
struct AmorphousLayer {
    std::string material;  // a name from amorphous_materials(): "water", "air"
    double thickness_um = 0.0;
    double density_g_per_cm3 = 0.0;                          // 0 = the material's own
    std::shared_ptr<const ScatteringCurve> curve = nullptr;  // instead of the material, which then only names it
};

// `name` starts every message, such as "background[0].".
void check(const AmorphousLayer& layer, const std::string& name, Faults& faults);

// Photons per pixel as measured, geometry included, against stol or the distance from the beam.
struct RadialProfile {
    enum class Axis { stol_invA, radius_mm };
    Axis axis = Axis::stol_invA;
    std::vector<double> x;  // ascending
    std::vector<double> photons_per_px;
    double scale = 1.0;
};

// Reads text: "columns X photons_per_px" with X one of stol_invA, q_invA, s_invA, radius_mm; then rows, as above.
RadialProfile load_radial_profile(const std::filesystem::path& file);

void check(const RadialProfile& profile, Faults& faults);

// Adds the expected photons of all that is smooth. Shadows are left to apply_shadows().
void add_background(const Experiment& experiment, Image<float>& expected_photons);

}  // namespace braggbench
