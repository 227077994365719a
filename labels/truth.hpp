// What is true of one simulated image, in numbers: what its labels rest on, and what its difficulty is read against.
#pragma once

#include <array>
#include <span>

#include "simulator/render.hpp"

namespace braggbench {

// Per-image truth that is a number and not drawn as it stands. Stored as columns under /entry/truth.
struct ImageTruth {
    float beam_fast_px = 0;
    float beam_slow_px = 0;
    float fluence_photons_per_m2 = 0;
    float lattice_count = 0;
    float misorientation_deg = 0;  // between the first two lattices, as rotations; 0 with fewer
    float spot_photons = 0;        // expected, summed over all peaks
    float total_photons = 0;       // expected, summed over the image
    // From the visible peaks alone (simulator/peak.hpp), so that a view of the image can count anew.
    float visible_peaks = 0;  // of protein
    float visible_lattices = 0;
    float second_lattice_peaks = 0;  // visible ones of all lattices but the one with the most
    float visible_ice_peaks = 0;
    float resolution_A = 0;  // of the finest visible peak of protein; 0 without
    float median_snr = 0;    // of the visible peaks of protein; 0 without
    float brightest_ice_photons_per_px = 0;

    float orientation[9] = {};  // of the first lattice: lab_from_crystal, row-major; zeros without a crystal
};

// Everything of ImageTruth but the orientation: the one list that writing, reading and label rules walk.
struct TruthColumn {
    const char* name;
    const char* units;  // as NeXus writes them
    float ImageTruth::*member;
};
inline constexpr std::array<TruthColumn, 14> truth_columns = {{
    {"beam_fast_px", "pixels", &ImageTruth::beam_fast_px},
    {"beam_slow_px", "pixels", &ImageTruth::beam_slow_px},
    {"fluence_photons_per_m2", "1/m^2", &ImageTruth::fluence_photons_per_m2},
    {"lattice_count", "1", &ImageTruth::lattice_count},
    {"misorientation_deg", "deg", &ImageTruth::misorientation_deg},
    {"spot_photons", "counts", &ImageTruth::spot_photons},
    {"total_photons", "counts", &ImageTruth::total_photons},
    {"visible_peaks", "1", &ImageTruth::visible_peaks},
    {"visible_lattices", "1", &ImageTruth::visible_lattices},
    {"second_lattice_peaks", "1", &ImageTruth::second_lattice_peaks},
    {"visible_ice_peaks", "1", &ImageTruth::visible_ice_peaks},
    {"resolution_A", "angstrom", &ImageTruth::resolution_A},
    {"median_snr", "1", &ImageTruth::median_snr},
    {"brightest_ice_photons_per_px", "counts", &ImageTruth::brightest_ice_photons_per_px},
}};

ImageTruth image_truth(const Experiment& experiment, const Rendering& rendering);

// Sets what rests on the visible peaks alone.
void count_visible(std::span<const Peak> peaks, ImageTruth& truth);

}  // namespace braggbench
