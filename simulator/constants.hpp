// Physical constants (CODATA 2018) and the one conversion everybody needs.
#pragma once

#include <numbers>

namespace braggbench {

inline constexpr double classical_electron_radius_m = 2.8179403262e-15;
inline constexpr double avogadro_per_mol = 6.02214076e23;
inline constexpr double hc_eV_A = 12398.419843320026;  // photon energy times wavelength
inline constexpr double rad_per_deg = std::numbers::pi / 180.0;

}  // namespace braggbench
