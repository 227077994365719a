// Small- and wide-angle scattering without single crystals: form factors, rings, superlattices, diffuse scattering,
// each smooth, textured or grainy. q = |s1 - s0| = 1/d in 1/A without a factor 2 pi (docs/frames.md); azimuths count
// from lab +x towards +y about the beam. Intensities are photons of this exposure per steradian before polarisation and
// capture, whatever the fluence, so that a ring of I(q) has 2 pi wavelength^2 * integral of I q dq photons. Without
// fluence there are none.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

class Faults;
struct Experiment;

// How photons spread over the circle about the beam. Their number does not change.
struct Texture {
    double oriented_share = 0.0;  // of the photons, in arcs; the rest is even
    int arcs = 2;                 // evenly spaced over the circle
    double azimuth_deg = 0.0;     // of the middle of one of them
    double arc_rms_deg = 15.0;
    int grains = 0;              // spots of so many crystallites, at random and unevenly bright; 0 = infinitely many
    double grain_rms_deg = 0.5;  // of a spot
    std::uint64_t grain_seed = 1;
};

// Scattering of bodies that lie along an axis across the beam: those of the round pattern, stretched along it.
struct Elongation {
    double aspect = 1.0;
    double axis_deg = 0.0;  // of the bodies; their pattern is narrow along it
};

// Bodies that scatter independently or as packed hard spheres: halos with or without minima.
struct FormFactor {
    enum class Body {
        sphere,
        coil,  // a Gaussian chain (Debye 1947)
    };
    Body body = Body::sphere;
    double radius_A = 100.0;         // mean; of gyration for a coil
    double size_rms_fraction = 0.1;  // of the radius, Gaussian; spheres only
    double packing_fraction = 0.0;   // of hard spheres of the mean radius (Percus & Yevick 1958); 0 = dilute
    double photons_per_sr = 0.0;     // at q = 0 if it were dilute
    Elongation elongation;
    Texture texture;
};

// A ring at any place, with higher orders at its multiples.
struct Ring {
    double q_invA = 0.01;
    double width_rms_invA = 1e-4;
    double lorentzian_share = 0.0;  // of a pseudo-Voigt profile of one full width at half maximum
    double photons = 0.0;           // over the whole circle, of the first order
    int orders = 1;
    double order_decay = 0.3;  // photons of an order over those of the one before
    Texture texture;
};

// Every ring of a powder of a lattice.
struct Superlattice {
    enum class Symmetry { lamellar, hexagonal, simple_cubic, bcc, fcc, diamond, gyroid, double_diamond };
    Symmetry symmetry = Symmetry::fcc;
    double edge_A = 200.0;             // of the conventional cell: the period of lamellae, the distance of cylinders
    double grain_size_A = 4000.0;      // rms width of a ring: 0.40 / size (Scherrer, K = 0.94)
    double strain_rms_fraction = 0.0;  // widens rings in proportion to q
    double displacement_rms_A = 0.0;   // per axis: intensities fall as exp(-4 pi^2 q^2 u^2)
    double unit_radius_A = 0.0;        // of the spheres that sit on the lattice; 0 = points
    double photons = 0.0;              // over the whole circle, of the brightest ring
    int most_rings = 12;               // rings from the first on, present or extinct through the unit's zeros
    double lorentzian_share = 0.0;
    Texture texture;
};

// Scattering without a peak.
struct Diffuse {
    enum class Kind {
        low_q,   // A / (1 + (q / q0)^2)^(p / 2): A at the beam, a power law of -p beyond q0
        high_q,  // A (1 - exp(-(q / q0)^2)): as thermal diffuse scattering, nothing at the beam
        flat,    // A: fluorescence, air
    };
    Kind kind = Kind::low_q;
    double photons_per_sr = 0.0;  // A
    double q_scale_invA = 0.001;  // q0
    double power = 4.0;           // p; 4 is Porod's law
    Elongation elongation;
    Texture texture;
};

using SmallAngleComponent = std::variant<FormFactor, Ring, Superlattice, Diffuse>;

struct SmallAngle {
    std::vector<SmallAngleComponent> components;
};

// `name` starts every message, such as "small_angle.".
void check(const SmallAngle& small_angle, const std::string& name, Faults& faults);

// Adds the expected photons. Rings narrower than a pixel are widened by a pixel's own rms, so that none is missed.
void add_small_angle(const Experiment& experiment, Image<float>& expected_photons);

// What is true of a ring: of each of a Ring's orders, of each of a Superlattice's lines.
struct RingTruth {
    int component = 0;  // of SmallAngle
    int order = 1;      // counts the rings of the component from the inside, from 1
    double q_invA = 0.0;
    double width_rms_invA = 0.0;  // of the sample, without the pixel's
    double photons = 0.0;         // over the whole circle, before polarisation and capture
    double photons_on_panels = 0.0;
};
std::vector<RingTruth> ring_truth(const Experiment& experiment);

// Typical scenes of one kind each.
enum class SmallAngleScene {
    halo,
    ring,
    many_rings,
    higher_orders,
    bcc,
    fcc,
    polycrystalline,
    textured,
    oriented,
    structure_factor,
    diffuse_low_q,
    diffuse_high_q,
    high_background,
};

// Sizes that suit the experiment's detector, drawn, with the brightest feature at about `photons_per_px`.
SmallAngle draw_small_angle(SmallAngleScene scene, double photons_per_px, const Experiment& experiment,
                            std::uint64_t seed, std::uint64_t image_index);

}  // namespace braggbench
