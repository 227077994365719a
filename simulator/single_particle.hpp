// Particles without a lattice in one pulse: orientations, positions in the focus, and the photons of the coherent sum
// of their transforms on the Ewald sphere. Lab frame (docs/frames.md); q = s1 - s0 in 1/A without a factor 2 pi.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <vector>

#include "simulator/image.hpp"

namespace braggbench {

class Faults;
class ParticleTransform;
struct Beam;
struct Experiment;

struct Particle {
    std::shared_ptr<const ParticleTransform> transform;
    Eigen::Matrix3d lab_from_particle = Eigen::Matrix3d::Identity();  // a rotation
    Eigen::Vector3d position_um = Eigen::Vector3d::Zero();            // of its middle, in the lab
    // The particle is the transform's, stretched along the axes of its own frame at the same density: one transform
    // serves all sizes, and a sphere's serves ellipsoids.
    Eigen::Vector3d stretch = Eigen::Vector3d::Ones();
    double fluence_share = 1.0;  // fluence at its position over the beam's
};

// All particles that the pulse meets. They scatter coherently; their interference fades where it is finer than a pixel,
// and by the spectrum's width (Gaussian, of the spectrum's rms). Each particle's own pattern is taken at the middle of
// each pixel and at the beam's wavelength. Polarisation, solid angle and capture are those of every other integrator.
struct ParticleShot {
    std::vector<Particle> particles;
};

// Faults of the particles, and of a detector that sees further than their transforms reach or too coarsely.
void check(const ParticleShot& shot, const Experiment& experiment, Faults& faults);

// Adds r_e^2 * fluence * |sum F|^2 * solid angle * polarisation * capture. Throws UsageError where check() has faults.
void add_particles(const Experiment& experiment, Image<float>& expected_photons);

// How a shot is drawn. Positions are uniform over the beam's disc and the depth, no two particles overlapping.
struct ParticleDraw {
    std::shared_ptr<const ParticleTransform> transform;
    int count = 1;
    double size_rms_fraction = 0.0;  // log-normal, of the common stretch, cut at 2.5 rms
    double focus_depth_um = 5.0;     // full length along the beam in which particles are found
    double weakest_share = 1.0;      // fluence shares are uniform from here to 1
};

// Throws UsageError if so many particles do not fit the beam.
ParticleShot draw_particles(const ParticleDraw& draw, const Beam& beam, std::uint64_t seed, std::uint64_t image_index);

}  // namespace braggbench
