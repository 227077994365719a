// Ice in the beam: powder rings from smooth to spotty, textured or not, hexagonal, cubic or stacking-disordered, and
// single grains. Lengths in 1/A without 2 pi, lab frame; photons are absolute (docs/backgrounds.md).
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

#include "simulator/crystal.hpp"
#include "simulator/image.hpp"
#include "simulator/peak.hpp"
#include "simulator/unit_cell.hpp"

namespace braggbench {

class Faults;
class RadialCurve;
struct Beam;
struct Experiment;
struct Panel;

// Crystallites of ice with random orientations, as a slab of `thickness_um` of solid ice across the beam.
struct IcePhase {
    double thickness_um = 0.0;
    double cubicity = 0.0;          // share of cubic stacking: 0 = hexagonal ice, 1 = cubic ice
    double crystallite_nm = 100.0;  // rings have a full width of 0.9 / size in |q| (Scherrer)
    double b_factor_A2 = 1.0;       // intensity * exp(-2 B stol^2); 1 A^2 holds near 100 K, 2.4 A^2 near melting
    double grains = 0.0;            // grains in the beam, each diffracting by itself; 0 = endlessly many: smooth rings
    double grain_mosaic_deg = 0.1;  // rms per axis of the misorientation within a grain
    // March-Dollase (Dollase 1986, J. Appl. Cryst. 19, 267): 1 = no texture; < 1: stacking axes gather about
    // texture_axis (lab); > 1: they gather in the plane across it.
    double march = 1.0;
    Eigen::Vector3d texture_axis = Eigen::Vector3d::UnitY();
};

struct Ice {
    std::vector<IcePhase> phases;
    // Expected photons per pixel and exposure above which a detector is damaged; 0 = it never is. It changes no image:
    // damages_detector() tells.
    double damage_photons_per_px = 0.0;
    std::uint64_t seed = 0;  // of the spotty rings' grains, with the image's index
    std::uint64_t image_index = 0;
};

void check(const Ice& ice, Faults& faults);

// A ring of an ice phase on the experiment's first panel, as if it were complete.
struct IceRing {
    int phase = 0;
    MillerIndex hkl;  // of the hexagonal cell, or of the cubic one where cubicity is 1
    double d_A = 0.0;
    double photons = 0.0;         // expected, over the whole ring
    double photons_per_px = 0.0;  // expected, on the ring's crest, mean over the azimuth; of this reflection alone
    double fwhm_px = 0.0;         // radial, pixels and beam included
    bool spotty = false;          // made of single grains' spots
    bool stacking = false;        // blurred or moved by stacking disorder: then photons_per_px is an upper bound
};

// What is on the detector, by descending d.
std::vector<IceRing> ice_rings(const Experiment& experiment);

// The rings without texture and spots, in squared electrons, for one panel's distance and pixels.
void add_smooth_ice(const Experiment& experiment, const Panel& panel, RadialCurve& curve_e2);

// The smooth rings of phases with texture.
void add_textured_ice(const Experiment& experiment, Image<float>& expected_photons);

// The spots of phases with countable grains, in time proportional to their number; appends a peak of kind `ice` for
// each with the hkl of its ring. Lattice numbers follow those of the experiment's crystals.
void add_ice_grains(const Experiment& experiment, Image<float>& expected_photons, std::vector<Peak>& peaks);

// One large grain as an ordinary lattice whose peaks are of kind `ice`.
struct IceGrain {
    double size_um = 1.0;  // edge of its cube
    double mosaic_spread_rms_deg = 0.05;
    double b_factor_A2 = 1.0;
    double d_min_A = 0.9;
    // One of the five strongest rings is brought to diffract, at a random azimuth; otherwise the orientation is
    // uniform.
    bool reflecting = true;
};
Crystal ice_grain(const IceGrain& grain, const Beam& beam, std::uint64_t seed, std::uint64_t image_index);

// Expected photons in the brightest pixel within a pixel of an ice peak's centre; 0 without ice peaks.
double brightest_ice_photons(const Image<float>& expected_photons, const std::vector<Peak>& peaks);

// Whether that exceeds the experiment's ice.damage_photons_per_px.
bool damages_detector(const Experiment& experiment, const Image<float>& expected_photons,
                      const std::vector<Peak>& peaks);

}  // namespace braggbench
