// Curves of small-angle scattering against q = 1/d in 1/A (no factor 2 pi): form factors, a structure factor, ring
// profiles, and the rings of a lattice.
#pragma once

#include <span>
#include <vector>

#include "simulator/small_angle.hpp"

namespace braggbench {

// Intensity of spheres with Gaussian radii over that at q = 0. Rayleigh 1911 averaged in closed form.
double sphere_intensity(double q_invA, double radius_A, double size_rms_fraction);

// Debye 1947 (J. Phys. Colloid Chem. 51, 18), over that at q = 0.
double coil_intensity(double q_invA, double gyration_radius_A);

// Percus & Yevick's hard spheres; closed form of Wertheim 1963 (Phys. Rev. Lett. 10, 321).
double hard_sphere_structure_factor(double q_invA, double radius_A, double packing_fraction);

// A line of a lattice by q times the edge, with the number of reciprocal points on it. Cubic absences: the space
// group's (International Tables A); those are all for one body per lattice point, while special positions may
// extinguish more.
struct LatticeLine {
    double q_edge;
    int multiplicity;
};
std::span<const LatticeLine> lattice_lines(Superlattice::Symmetry symmetry);

// A pseudo-Voigt peak in q; its value in photons per sr.
struct RingProfile {
    double q_invA;
    double width_rms_invA;
    double lorentzian_share;
    double peak_photons_per_sr;

    [[nodiscard]] double reach_invA() const;  // beyond which it is 0
    [[nodiscard]] double operator()(double q) const;
};

// The profile with so many photons over the whole circle.
RingProfile ring_profile(double q_invA, double width_rms_invA, double lorentzian_share, double photons,
                         double wavelength_A);

// Rings without the photons on panels, in the order of components and q.
std::vector<RingTruth> list_rings(const SmallAngle& small_angle);

}  // namespace braggbench
