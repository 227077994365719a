// What the smooth and the spotty rings of ice share: widths, absolute intensities, texture and which reflections of a
// phase are made of countable spots. Reciprocal lengths in 1/A without 2 pi.
#pragma once

#include <vector>

#include "simulator/experiment.hpp"
#include "simulator/ice_structure.hpp"

namespace braggbench {

// Rms spread of the wavelength over the wavelength, and the shift of its mean.
struct Bandwidth {
    double rms = 0.0;
    double shift = 0.0;
};
Bandwidth bandwidth_of(const Beam& beam);

// Rms of a crystallite's interference function: a Gaussian of full width 0.9 / size.
double size_rms_invA(const IcePhase& phase);

// d|q| / dr of a flat panel square to the beam, r in mm from the beam's place.
double invA_per_mm(double q_invA, double wavelength_A, double distance_mm);

// Rms width of a ring in |q|: size, bandwidth, divergence, beam diameter and pixel, as a Gaussian.
double ring_rms_invA(const Experiment& experiment, const Panel& panel, const IcePhase& phase, double q_invA);

// Distance of the panel's plane from the sample.
double close_distance_mm(const Panel& panel);

// The volume of ice in the beam.
double ice_volume_A3(const Experiment& experiment, const IcePhase& phase);

// Integral over |q| of a family's squared electrons, all grains together: V m |F|^2 exp(-B q^2 / 2) / (V_cell^2 4 pi
// q^2).
double ring_weight_e2(const Experiment& experiment, const IcePhase& phase, IceForm form, const IceFamily& family);

// Reflections of a phase that stay Bragg lines whatever the stacking, and those of a pure form.
IceForm form_of(const IcePhase& phase);
bool is_disordered(const IcePhase& phase);
std::vector<const IceFamily*> lines_of(const IcePhase& phase, double q_max_invA);

// Rms angle by which a grain may be off the Bragg condition and still diffract.
double acceptance_rms_rad(const Experiment& experiment, const IcePhase& phase, double q_invA);

// Spots are drawn out to this many rms of the acceptance; 6e-5 of the photons are lost.
inline constexpr double grain_cut_sigma = 4.0;

// Expected number of grains within the cut on a family's ring: grains m cos(theta) / 2 * 2 cut rms.
double spots_on_ring(const Experiment& experiment, const IcePhase& phase, const IceFamily& family);

// Rings of more spots than this are rendered smooth: each pixel of a ring then sees dozens.
inline constexpr double most_spots_on_ring = 1e5;
bool is_spotty(const Experiment& experiment, const IcePhase& phase, const IceFamily& family);

// March-Dollase density of plane normals, mean 1 over the sphere, for planes at |cos| `beta` to the stacking axis and
// scattering vectors at |cos| `alpha` to the texture axis.
class MarchDollase {
public:
    explicit MarchDollase(double march);
    [[nodiscard]] double operator()(double cos_beta, double cos_alpha) const;

private:
    static constexpr int grid = 48;
    std::vector<double> density_;
};

}  // namespace braggbench
